import { createHmac, randomUUID } from 'node:crypto'
import type { BlobStore } from '../files/blob-store.js'
import type { Logger } from '../telemetry/log.js'
import type { ProcessNote, ProcessRegistry } from './process-registry.js'

/** Processes on one database that would not see each other's files, or not take each other's URLs. */
export class DisagreementError extends Error {
  override readonly name = 'DisagreementError'
}

export interface JoinOptions {
  registry: ProcessRegistry
  blobs: BlobStore
  secret: Uint8Array
  id: string
  role: string
  now: () => Date
  log: Logger
}

const EVERY_MS = 10_000
/** Who was not heard of for so long does not count; also how long a changed secret waits for a process that was killed. */
const FORGOTTEN_AFTER_MS = 60_000
/** Blobs that name a place of files; any process that keeps its files there sees them. */
const PREFIX = 'deployment/'

/**
 * Enter this process among those on its database, until it is closed.
 *
 * @throws {DisagreementError} when one that lives has another secret, or keeps its files elsewhere.
 */
export async function joinProcesses(options: JoinOptions): Promise<{ close(): Promise<void> }> {
  const { registry, blobs, secret, id, role, now, log } = options
  const own = (): ProcessNote => ({ id, role, secretDigest: digestOf(secret), storageId, seenAt: now() })
  const storageId = await nameStorage(blobs)
  await registry.join(own(), {
    aliveSince: new Date(now().getTime() - FORGOTTEN_AFTER_MS),
    async check(others) {
      for (const other of others) {
        if (other.secretDigest !== digestOf(secret)) throw otherSecret(other, now())
        const isSeen = (await blobs.stat(`${PREFIX}${other.storageId}`)) !== undefined
        if (!isSeen) throw otherStorage(other, now())
      }
    },
  })
  let telling = Promise.resolve()
  const timer = setInterval(() => {
    telling = telling
      .then(() => registry.seen(own()))
      .catch((cause: unknown) => log.warn({ cause }, 'other processes could not be told that this one lives'))
  }, EVERY_MS)
  return {
    async close() {
      clearInterval(timer)
      await telling
      await registry.leave(id).catch((cause: unknown) => log.warn({ cause }, 'this process is forgotten in a minute'))
    },
  }
}

/** The name of the place where files are: one blob that was put there by the first process. */
async function nameStorage(blobs: BlobStore): Promise<string> {
  for await (const key of blobs.list(PREFIX)) return key.slice(PREFIX.length)
  const storageId = randomUUID()
  async function* content() {
    yield new TextEncoder().encode(
      'The processes that share a database know by this file that they share their files.\n',
    )
  }
  await blobs.write(`${PREFIX}${storageId}`, content(), { maxBytes: 1024, signal: new AbortController().signal })
  return storageId
}

/** Tells whether two secrets are the same, and nothing else of them. */
function digestOf(secret: Uint8Array): string {
  return createHmac('sha256', secret).update('quiver: the secret of all processes').digest('hex').slice(0, 32)
}

function otherSecret(other: ProcessNote, now: Date): DisagreementError {
  return new DisagreementError(
    `secret: ${describe(other, now)} signs URLs with another one. Give every process on this database the same \`secret\` (QUIVER_SECRET).`,
  )
}

function otherStorage(other: ProcessNote, now: Date): DisagreementError {
  return new DisagreementError(
    `s3Bucket: ${describe(other, now)} keeps its files in another place. Give every process on this database the same bucket (QUIVER_S3_BUCKET), or the same home.`,
  )
}

function describe({ id, seenAt }: ProcessNote, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - seenAt.getTime()) / 1000))
  return `process ${id}, last seen ${seconds} s ago,`
}

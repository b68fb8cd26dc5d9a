import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { ApiError } from '@quiver/protocol'
import type { BlobStore } from './files/blob-store.js'
import { VERSION } from './version.js'

/** A backup cannot be made, or is none; the message says why, in one line. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

export interface BackupReport {
  blobs: number
  bytes: number
}

/** What a backup is made of, as `assemble.ts` opens it. */
export interface BackupSource {
  home: string
  /** Write the database as it is at one moment to a new file, while others use it. */
  snapshotDatabase(path: string): Promise<void>
  blobs: BlobStore
  /** From now until it is released, blobs that are deleted stay. */
  holdBlobs(): Promise<{ release(): Promise<void> }>
}

const DATABASE = 'quiver.db'
const SECRET = 'secret'
/** One line for each blob: `{key, bytes, sha256}`. */
const MANIFEST = 'blobs.jsonl'
/** Written last: a folder without it is no backup, or half of one. */
const SUMMARY = 'backup.json'

interface ManifestLine {
  key: string
  bytes: number
  sha256: string
}

/**
 * Copy everything a server keeps into a folder, while it runs.
 *
 * A row is written after its bytes and removed before them. So with deletions held back, then the database copied, then the
 * bytes, every row of the copy has its bytes; there may be bytes without a row, which the sweep of the restored server removes.
 *
 * @param folder is made; must be empty if it is there.
 * @param blobsOf opens the blob store of the backup.
 * @throws {BackupError}
 */
export async function backUp(
  source: BackupSource,
  { folder, blobsOf, signal }: { folder: string; blobsOf: (folder: string) => BlobStore; signal: AbortSignal },
): Promise<BackupReport> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0) throw new BackupError(`${folder} is not empty; name a new folder.`)
  const hold = await source.holdBlobs()
  try {
    await source.snapshotDatabase(join(folder, DATABASE))
    await flush(join(folder, DATABASE))
    await copyFile(join(source.home, SECRET), join(folder, SECRET))
    const report = await copyBlobs(source.blobs, { folder, to: blobsOf(folder), signal })
    const database = await sha256Of(join(folder, DATABASE))
    const summary = { version: VERSION, createdAt: new Date().toISOString(), database, ...report }
    await writeFlushed(join(folder, SUMMARY), `${JSON.stringify(summary, null, 2)}\n`)
    return report
  } finally {
    await hold.release()
  }
}

/**
 * Bring a backup into an empty home. The database comes last, so that an interrupted restore leaves no server that looks whole.
 *
 * @param checkDatabase throws when the file is damaged.
 * @throws {BackupError} when the folder is no backup, something in it is damaged, or the home is in use.
 */
export async function restore(
  folder: string,
  {
    home,
    from,
    to,
    checkDatabase,
    signal,
  }: { home: string; from: BlobStore; to: BlobStore; checkDatabase: (path: string) => void; signal: AbortSignal },
): Promise<BackupReport> {
  const summary = await readFile(join(folder, SUMMARY), 'utf8').catch(() => {
    throw new BackupError(`${folder} is no backup, or an unfinished one: it has no ${SUMMARY}.`)
  })
  const { database } = JSON.parse(summary) as { database: string } // written by backUp
  if ((await sha256Of(join(folder, DATABASE))) !== database) throw damaged(DATABASE)
  checkDatabase(join(folder, DATABASE))
  const present: string[] = await readdir(home).catch(() => [])
  if (present.includes(DATABASE)) throw new BackupError(`${home} has a database already; name an empty home.`)
  await mkdir(home, { recursive: true, mode: 0o700 })

  let bytes = 0
  const lines = (await readFile(join(folder, MANIFEST), 'utf8')).split('\n').filter((line) => line !== '')
  for (const line of lines) {
    const { key, ...expected } = JSON.parse(line) as ManifestLine // written by backUp
    const written = await to.write(key, from.read(key, { signal }), { maxBytes: expected.bytes, signal })
    if (written.sha256 !== expected.sha256) throw damaged(key)
    bytes += written.bytes
  }
  await copyFile(join(folder, SECRET), join(home, SECRET))
  const temporary = join(home, `.${DATABASE}`)
  await copyFile(join(folder, DATABASE), temporary)
  await flush(temporary)
  await rename(temporary, join(home, DATABASE))
  await flush(home)
  return { blobs: lines.length, bytes }
}

async function copyBlobs(
  from: BlobStore,
  { folder, to, signal }: { folder: string; to: BlobStore; signal: AbortSignal },
): Promise<BackupReport> {
  const report = { blobs: 0, bytes: 0 }
  const manifest = await open(join(folder, MANIFEST), 'wx', 0o600)
  try {
    for await (const key of from.list('')) {
      const limits = { maxBytes: Number.MAX_SAFE_INTEGER, signal }
      const receipt = await to.write(key, from.read(key, { signal }), limits).catch(ignoreGone)
      if (receipt === undefined) continue
      await manifest.write(`${JSON.stringify({ key, ...receipt } satisfies ManifestLine)}\n`)
      report.blobs++
      report.bytes += receipt.bytes
    }
    await manifest.sync()
    return report
  } finally {
    await manifest.close()
  }
}

/** Its deletion had begun before deletions were held back, and its row had gone before that. */
function ignoreGone(error: unknown): undefined {
  if (error instanceof ApiError && error.row === 'not_found') return undefined
  throw error
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const temporary = `${path}.unfinished`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.write(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function damaged(what: string): BackupError {
  return new BackupError(`the backup is damaged: ${what} is not what was backed up.`)
}

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { BackupError, type BackupReport, type BackupSource, backUp, restore } from './backup.js'
import type { Settings } from './config.js'
import type { BlobStore } from './files/blob-store.js'
import { createFiles, type Files } from './files/files.js'
import { createUrlSigner, type UrlSigner } from './files/signed-url.js'
import { sweepFiles, sweepRegularly } from './files/sweep.js'
import { loadSecret } from './home.js'
import { isGone, nameHolder } from './jobs/holder.js'
import type { JobStore } from './jobs/job-store.js'
import { joinProcesses } from './processes/join-processes.js'
import { createDiskBlobStore, type DiskBlobStore } from './stores/disk/blob-store.js'
import { createSqlFileIndex } from './stores/sql/file-index.js'
import { createSqlJobStore } from './stores/sql/job-store.js'
import { createSqlLedger, type LedgerWriter } from './stores/sql/ledger.js'
import { createSqlProcessRegistry } from './stores/sql/process-registry.js'
import { checkSqlite, snapshotSqlite } from './stores/sqlite/backup.js'
import { openSqlite } from './stores/sqlite/database.js'
import { LedgerJournal } from './stores/sqlite/ledger-journal.js'
import { LedgerThread } from './stores/sqlite/ledger-thread.js'
import type { Logger } from './telemetry/log.js'
import { GroupCommit } from './usage/group-commit.js'
import type { Ledger } from './usage/ledger.js'

/** What outlives a request. */
export interface Storage {
  blobs: BlobStore
  files: Files
  signer: UrlSigner
  jobStore: JobStore
  /** Name of this process among all that ever ran. */
  holder: string
  ledger: Ledger
  /** Signs what leaves the server and comes back. */
  secret: Uint8Array
  close(): Promise<void>
}

/** Open what is kept, and go on removing what need not be kept any more. @throws {DatabaseError} {@link HomeError} */
export async function assembleStorage(settings: Settings, log: Logger): Promise<Storage> {
  const holder = nameHolder(randomUUID())
  const database = await openDatabase(settings, { holder, log })
  return orClose(database, () => assembleOn(database, settings, { holder, log }))
}

/** What the server signs with: the operator's, or the one that its home keeps. @throws {HomeError} */
export function secretOf({ secret, home }: Pick<Settings, 'secret' | 'home'>): Uint8Array {
  return secret === undefined ? loadSecret(home) : Buffer.from(secret)
}

type Database = Awaited<ReturnType<typeof openDatabase>>

async function assembleOn(
  { index, jobStore, ledger, registry, close }: Database,
  settings: Settings,
  { holder, log }: { holder: string; log: Logger },
): Promise<Storage> {
  const blobs = await openBlobStore(settings)
  const secret = secretOf(settings)
  const now = () => new Date()
  const process =
    registry && (await joinProcesses({ registry, blobs, secret, id: holder, role: settings.role, now, log }))
  const closing = new AbortController()
  const sweeping = sweepRegularly((signal) => sweepFiles({ blobs, index, now: new Date() }, signal), {
    signal: closing.signal,
    onError: (cause) => log.error({ cause }, 'expired files could not be swept'),
  })
  return {
    blobs,
    files: createFiles({ blobs, index, limits: { ...settings, maxBytes: settings.maxStorageBytes } }),
    signer: createUrlSigner(secret),
    secret,
    holder,
    jobStore,
    ledger,
    async close() {
      closing.abort()
      await sweeping
      await process?.close()
      await close()
    },
  }
}

/** A start that fails leaves nothing open: a thread or a connection would keep alive a process that cannot serve. */
export async function orClose<Value>(opened: { close(): Promise<void> }, start: () => Promise<Value>): Promise<Value> {
  try {
    return await start()
  } catch (error) {
    await opened.close().catch(() => {}) // why it failed says more
    throw error
  }
}

/** What lies in the database, whichever it is. */
async function openDatabase(
  { home, databaseUrl, usageDurability }: Settings,
  { holder, log }: { holder: string; log: Logger },
) {
  if (databaseUrl === undefined) {
    const path = join(home, DATABASE)
    const database = await openSqlite(path)
    const thread = new LedgerThread(path)
    // With strict durability too: an earlier process may have left charges in its journal.
    const opened = { close: () => Promise.all([thread.close(), database.destroy()]).then(() => {}) }
    const journal = await orClose(opened, () =>
      LedgerJournal.open({
        folder: join(home, JOURNALS),
        owner: holder,
        isGone: (other) => isGone(other, holder),
        commit: thread.append,
        onError: (cause) => log.error({ cause }, 'charges could not be committed; it is tried again'),
      }),
    )
    const writer: LedgerWriter = usageDurability === 'strict' ? new GroupCommit(thread.append) : journal
    const ledger = createSqlLedger(database, writer)
    return {
      index: createSqlFileIndex(database),
      jobStore: createSqlJobStore(database),
      ledger,
      async close() {
        await ledger.close()
        await journal.close().catch((cause: unknown) => {
          log.error({ cause }, 'the last charges are left to the next start')
        })
        await opened.close()
      },
    }
  }
  const { openPostgres, serialize } = await import('./stores/postgres/database.js')
  const database = await openPostgres(databaseUrl)
  const shared = { serialize }
  const ledger = createSqlLedger(database)
  return {
    index: createSqlFileIndex(database, shared),
    jobStore: createSqlJobStore(database, shared),
    registry: createSqlProcessRegistry(database, shared),
    ledger,
    async close() {
      await ledger.close()
      await database.destroy()
    },
  }
}

async function openBlobStore({ home, s3Bucket: bucket, ...settings }: Settings): Promise<BlobStore | DiskBlobStore> {
  if (bucket === undefined) return createDiskBlobStore(join(home, BLOBS))
  const { s3Endpoint: endpoint, s3Region: region, s3AccessKeyId, s3SecretAccessKey, s3SilenceMs: silenceMs } = settings
  const credentials =
    s3AccessKeyId === undefined || s3SecretAccessKey === undefined
      ? undefined
      : { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey }
  // The SDK is large; who keeps files on disk never loads it.
  const { createS3BlobStore } = await import('./stores/s3/blob-store.js')
  return createS3BlobStore({ bucket, endpoint, region, credentials, silenceMs })
}

const DATABASE = 'quiver.db'
const BLOBS = 'blobs'
const JOURNALS = 'ledger'

/** Copy what a server keeps into a folder, while it runs. @throws {BackupError} */
export async function backUpHome(settings: Settings, folder: string, signal: AbortSignal): Promise<BackupReport> {
  checkDatabaseIsFile(settings)
  const { home } = settings
  const blobs = await openBlobStore(settings)
  const source: BackupSource = {
    home,
    blobs,
    snapshotDatabase: async (path) => snapshotSqlite(join(home, DATABASE), path, { journals: join(home, JOURNALS) }),
    // Of a bucket nobody can hold back deletions; what goes meanwhile is a file without bytes after a restore.
    holdBlobs: async () => ('holdDeletions' in blobs ? blobs.holdDeletions() : { release: async () => {} }),
  }
  return backUp(source, { folder, signal, blobsOf: (into) => createDiskBlobStore(join(into, BLOBS)) })
}

/** Bring a backup into an empty home. @throws {BackupError} */
export async function restoreHome(settings: Settings, folder: string, signal: AbortSignal): Promise<BackupReport> {
  checkDatabaseIsFile(settings)
  const from = createDiskBlobStore(join(folder, BLOBS))
  const to = await openBlobStore(settings)
  return restore(folder, { home: settings.home, from, to, checkDatabase: checkSqlite, signal })
}

/** @throws {BackupError} */
function checkDatabaseIsFile({ databaseUrl }: Settings): void {
  if (databaseUrl === undefined) return
  throw new BackupError('databaseUrl: a PostgreSQL database is backed up with its own tools, such as pg_dump.')
}

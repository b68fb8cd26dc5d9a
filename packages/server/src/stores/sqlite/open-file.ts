import { existsSync } from 'node:fs'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'

/** How long a statement waits for another connection's transaction, such as a backup's. */
const BUSY_TIMEOUT_MS = 10_000
/** The write-ahead log is cut to this after a checkpoint, so that one large transaction does not keep the disk. */
const WAL_BYTES = 64 * 1024 * 1024

/** What every connection to the database begins with: a commit that returned is on the disk (`synchronous=FULL`). */
const PRAGMAS = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  `journal_size_limit = ${WAL_BYTES}`,
] as const

/**
 * A connection to the database's file, as every one begins: {@link PRAGMAS}.
 *
 * @param mustExist throw where there is none, instead of making one.
 * @throws {Error} when the file cannot be opened, or is no database.
 */
export function openFile(path: string, { mustExist = false } = {}): DatabaseSyncInstance {
  if (mustExist) checkThere(path)
  const file = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    for (const pragma of PRAGMAS) file.exec(`PRAGMA ${pragma}`)
    return file
  } catch (error) {
    file.close()
    throw error
  }
}

/** A connection that only reads. @throws {Error} when there is no file, or it cannot be opened. */
export function openToRead(path: string): DatabaseSyncInstance {
  checkThere(path)
  return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true })
}

function checkThere(path: string): void {
  if (!existsSync(path)) throw new Error(`there is no database at ${path}`)
}

import { existsSync } from 'node:fs'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { DatabaseError } from '../../database-error.js'
import { explainSqlite } from './explain-sqlite.js'

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

export interface OpenOptions {
  /** How long a statement waits for another connection's transaction, such as a backup's. */
  busyTimeoutMs?: number
  /** Throw where there is no file, instead of making one. */
  mustExist?: boolean
}

/**
 * A connection to the database's file, as every one begins: {@link PRAGMAS}.
 *
 * @throws {DatabaseError} when the file cannot be opened, or is no database.
 */
export function openFile(
  path: string,
  { busyTimeoutMs = BUSY_TIMEOUT_MS, mustExist = false }: OpenOptions = {},
): DatabaseSyncInstance {
  if (mustExist) checkThere(path)
  let file: DatabaseSyncInstance | undefined
  try {
    file = new DatabaseSync(path, { timeout: busyTimeoutMs })
    for (const pragma of PRAGMAS) file.exec(`PRAGMA ${pragma}`)
    return file
  } catch (error) {
    file?.close()
    throw explainSqlite(error, path)
  }
}

/** A connection that only reads. @throws {DatabaseError} when there is no file, or it cannot be opened. */
export function openToRead(path: string): DatabaseSyncInstance {
  checkThere(path)
  try {
    return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true })
  } catch (error) {
    throw explainSqlite(error, path)
  }
}

function checkThere(path: string): void {
  if (!existsSync(path)) throw new DatabaseError(`database: there is none at ${path}; is this the home of a server?`)
}

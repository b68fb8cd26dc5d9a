import { existsSync } from 'node:fs'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { BUSY_TIMEOUT_MS, PRAGMAS } from './connection.js'

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

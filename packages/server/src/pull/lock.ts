import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PullError } from './pull-error.js'

/** https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5

/**
 * Work while no other process does the same: an exclusive transaction of SQLite on an empty file. Node has no call for a
 * lock of the operating system, and SQLite's is one: it ends with the process, however that dies, so that there are no
 * stale locks to guess about. The file stays; removing it would let two processes lock two files of one name.
 *
 * @throws {PullError} at once when another process holds it.
 */
export async function withLock<Value>(path: string, busy: string, work: () => Promise<Value>): Promise<Value> {
  await mkdir(dirname(path), { recursive: true })
  const { DatabaseSync } = await import('@photostructure/sqlite')
  const database = new DatabaseSync(path)
  try {
    try {
      database.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      if (error instanceof Error && 'sqliteCode' in error && error.sqliteCode === SQLITE_BUSY) throw new PullError(busy)
      throw error
    }
    return await work()
  } finally {
    database.close()
  }
}

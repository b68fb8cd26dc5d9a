import { closeSync, fstatSync, openSync, rmSync, statSync } from 'node:fs'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'

/** https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5

export interface LockOptions {
  /** Thrown at once when another process holds the lock. */
  busy: Error
  /** Remove the file when the work is done. For files that lie where a user looks. */
  isRemoved?: boolean
}

/**
 * Work while no other process does the same: an exclusive transaction of SQLite on an empty file. Node has no call for a
 * lock of the operating system, and SQLite's is one: it ends with the process, however that dies, so that there are no
 * stale locks to guess about.
 *
 * @param path of that file; its folder is there.
 */
export async function withLock<Value>(
  path: string,
  { busy, isRemoved = false }: LockOptions,
  work: () => Promise<Value>,
): Promise<Value> {
  const lock = await take(path, busy)
  try {
    return await work()
  } finally {
    if (isRemoved) rmSync(path, { force: true })
    lock.close()
  }
}

/** Again where the file was removed meanwhile by whoever held it: a lock on a file without a name keeps nobody out. */
async function take(path: string, busy: Error): Promise<DatabaseSyncInstance> {
  const { DatabaseSync } = await import('@photostructure/sqlite')
  for (;;) {
    const inode = inodeOf(path)
    const database = new DatabaseSync(path)
    try {
      database.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      database.close()
      const isBusy = error instanceof Error && 'sqliteCode' in error && error.sqliteCode === SQLITE_BUSY
      throw isBusy ? busy : error
    }
    if (statSync(path, { throwIfNoEntry: false })?.ino === inode) return database
    database.close()
  }
}

/** Of the file, which is made if it is missing. */
function inodeOf(path: string): number {
  const file = openSync(path, 'a', 0o600)
  try {
    return fstatSync(file).ino
  } finally {
    closeSync(file)
  }
}

import { openFile, openToRead } from './open-file.js'

/**
 * The database as it is at one moment, in a new file; others go on reading and writing meanwhile.
 *
 * @throws {Error} when there is no database, or the file exists.
 */
export async function snapshotSqlite(path: string, destination: string): Promise<void> {
  const file = openFile(path, { mustExist: true })
  try {
    file.prepare('VACUUM INTO ?').run(destination)
  } finally {
    file.close()
  }
}

/** @throws {Error} when SQLite finds the file damaged. */
export function checkSqlite(path: string): void {
  const file = openToRead(path)
  try {
    const found = file.prepare('PRAGMA integrity_check').all()
    if (Object.values(Object(found[0]))[0] !== 'ok') throw new Error('SQLite finds the database damaged')
  } finally {
    file.close()
  }
}

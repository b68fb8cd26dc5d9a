import { DatabaseError } from '../../database-error.js'
import { explainSqlite } from './explain-sqlite.js'
import { readJournals } from './ledger-journal.js'
import { LedgerThread } from './ledger-thread.js'
import { openFile, openToRead } from './open-file.js'

/**
 * The database as it is at one moment, in a new file; others go on reading and writing meanwhile.
 *
 * @param options.journals folder of charges that are on their way into the database: the copy has them.
 * @throws {DatabaseError} when there is no database, it cannot be read, or the file cannot be written.
 */
export async function snapshotSqlite(
  path: string,
  destination: string,
  { journals }: { journals?: string } = {},
): Promise<void> {
  const charges = journals === undefined ? [] : readJournals(journals)
  const file = openFile(path, { mustExist: true })
  try {
    file.prepare('VACUUM INTO ?').run(destination)
  } catch (error) {
    throw explainSqlite(error, `${path}, or its copy ${destination},`)
  } finally {
    file.close()
  }
  if (charges.length === 0) return
  const thread = new LedgerThread(destination)
  try {
    await thread.append(charges)
  } finally {
    await thread.close()
  }
}

/** @throws {DatabaseError} when SQLite finds the file damaged. */
export function checkSqlite(path: string): void {
  const file = openToRead(path)
  try {
    const found = file.prepare('PRAGMA integrity_check').all()
    if (Object.values(Object(found[0]))[0] !== 'ok') {
      throw new DatabaseError(`database: SQLite finds ${path} damaged.`)
    }
  } catch (error) {
    throw explainSqlite(error, path)
  } finally {
    file.close()
  }
}

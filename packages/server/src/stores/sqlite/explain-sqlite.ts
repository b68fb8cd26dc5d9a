import { DatabaseError } from '../../database-error.js'
import { VERSION } from '../../version.js'
import { NewerSchemaError } from '../schema/migrate.js'

/**
 * What SQLite's refusal of a file means to who runs the server.
 *
 * @param place the file, in words.
 * @returns a {@link DatabaseError}; the error itself where it says nothing of the file.
 * @see https://sqlite.org/rescode.html
 */
export function explainSqlite(error: unknown, place: string): unknown {
  if (error instanceof NewerSchemaError) {
    const advice = `start that version again, or bring back a backup of before it`
    return new DatabaseError(
      `database: ${place} was changed by a later version than ${VERSION} (${error.migration}); ${advice}.`,
    )
  }
  const code = codeOf(error)
  const explain = code === undefined ? undefined : EXPLANATIONS[code]
  if (explain === undefined) return error
  return new DatabaseError(`database: ${place} ${explain} (${nameOf(error)}).`, { cause: error })
}

const UNREADABLE =
  'cannot be opened; check that it is a file which the user of this process may read and write, and its folder too'
const DAMAGED = 'is no SQLite database, or a damaged one; move it away and bring back a backup with quiver restore'
const LOCKED =
  'is locked by another process, perhaps of another machine; end that one, or choose another home (machines share PostgreSQL, not a file: databaseUrl)'

/** By SQLite's primary result code. */
const EXPLANATIONS: Readonly<Record<number, string>> = {
  3: UNREADABLE, // SQLITE_PERM
  5: LOCKED, // SQLITE_BUSY
  6: LOCKED, // SQLITE_LOCKED
  8: UNREADABLE, // SQLITE_READONLY
  10: 'cannot be read or written: its disk or file system fails; check that, and bring back a backup if the file is lost', // SQLITE_IOERR
  11: DAMAGED, // SQLITE_CORRUPT
  13: 'cannot be written: its disk is full; make room', // SQLITE_FULL
  14: UNREADABLE, // SQLITE_CANTOPEN
  15: LOCKED, // SQLITE_PROTOCOL: locks of a network's file system
  26: DAMAGED, // SQLITE_NOTADB
}

/** A migration wraps what SQLite said. */
function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : codeOf(error.cause)
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!('errcode' in error)) return nameOf(error.cause)
  return 'sqliteCodeName' in error ? String(error.sqliteCodeName) : error.message
}

import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { migrate } from '../schema/migrate.js'
import type { Tables } from '../schema/tables.js'
import { explainPostgres } from './explain-postgres.js'

/** Connections of one process: its requests, its job slots, its heartbeats. */
const MAX_CONNECTIONS = 10
const CONNECT_TIMEOUT_MS = 10_000
/** No statement here takes long; one that does waits for a lock that somebody will not give up. */
const STATEMENT_TIMEOUT_MS = 60_000
/** Beyond that the network has swallowed the answer, or the question. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 10_000
/** PostgreSQL's numbers of its types. */
const INT8 = 20
const NUMERIC = 1700

/**
 * The database of many processes, PostgreSQL 15 or newer.
 *
 * A commit that returned is on the disk, as the server's `synchronous_commit` promises. Connections that break are
 * replaced; the statement that ran on them fails, and whoever sent it tries again.
 * @throws {DatabaseError} when it cannot be reached, refuses us, or is of a newer version.
 */
export async function openPostgres(url: string): Promise<Kysely<Tables>> {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
  })
  // A connection that breaks fails the statement under way. With none under way it is nobody's failure, and without a
  // listener it would end the process: the pool listens to idle ones only, not to one between a transaction's statements.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  try {
    await migrate(database)
    return database
  } catch (error) {
    await database.destroy()
    throw explainPostgres(error, url)
  }
}

/** The rest of the transaction waits for others that hold the same lock; it is given up with the transaction. */
export async function serialize(transaction: Transaction<Tables>, lock: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`.execute(transaction)
}

/** Counts, instants and amounts are below 2⁵³, so a number holds them; pg would give texts. */
function getTypeParser(type: number, format?: 'text' | 'binary') {
  return type === INT8 || type === NUMERIC ? Number : pg.types.getTypeParser(type, format)
}

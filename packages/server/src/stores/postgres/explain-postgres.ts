import pg from 'pg'
import { DatabaseError } from '../../database-error.js'
import { VERSION } from '../../version.js'
import { NewerSchemaError } from '../schema/migrate.js'

/**
 * What goes wrong before the first answer of a PostgreSQL server, in the words of who runs ours. Never shows the password.
 *
 * @returns a {@link DatabaseError}; the error itself where it says nothing of the server.
 */
export function explainPostgres(error: unknown, url: string): unknown {
  const { host, port, database, user } = new pg.Client({ connectionString: url })
  const server = `PostgreSQL at ${host}:${port}`
  const explained = (text: string) => new DatabaseError(`databaseUrl: ${text}.`, { cause: error })
  if (error instanceof NewerSchemaError) {
    return explained(
      `the database ${database} of ${server} was changed by a later version than ${VERSION} (${error.migration}); start that version again, or bring back a backup of before it`,
    )
  }
  const root = rootOf(error)
  const refusal = REFUSALS[codeOf(root)]
  if (refusal !== undefined) return explained(`${server} ${refusal({ database, user })} (${codeOf(root)})`)
  if (root instanceof pg.DatabaseError) return explained(`${server} refuses: ${root.message} (${codeOf(root)})`)
  if (!(root instanceof Error) || root instanceof TypeError) return error
  if (PASSWORD.test(root.message)) return explained(`${server} asks for a password of ${user}, and there is none`)
  const isNetwork = codeOf(root) !== '' || CONNECTION.test(root.message)
  if (!isNetwork) return error
  return explained(
    `${server} cannot be reached (${codeOf(root) || root.message}); check that it runs, its host and its port`,
  )
}

type Refusal = (who: { database: string | undefined; user: string | undefined }) => string

const WRONG_PASSWORD: Refusal = ({ user }) => `refuses the user ${user}; check user, password and pg_hba.conf`
const NOT_NOW: Refusal = () => 'is starting, stopping or standing by; try again when it takes changes'

/** By SQLSTATE. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  '28P01': WRONG_PASSWORD,
  '28000': WRONG_PASSWORD,
  '3D000': ({ database }) => `has no database ${database}; make it, or name another`,
  '42501': ({ user, database }) => `does not let ${user} make tables in ${database}; make it the database's owner`,
  '53300': () => 'has no connection left; raise its max_connections, or end other clients',
  '25006': NOT_NOW,
  '57P03': NOT_NOW,
}

/** In pg's words, for what has no code. */
const PASSWORD = /^SASL: .*password must be/
const CONNECTION = /timeout|timed out|Connection terminated|does not support SSL/i

/** What the server said, where a migration wraps it, or an address of several. */
function rootOf(error: unknown): unknown {
  if (error instanceof AggregateError) return rootOf(error.errors[0])
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

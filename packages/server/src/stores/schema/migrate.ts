import { type Kysely, type Migration, Migrator } from 'kysely'
import { up as jobs } from './0001-jobs.js'
import { up as files } from './0002-files.js'
import { up as processes } from './0003-processes.js'
import type { Tables } from './tables.js'

/** In order, named as their files. A released one is never changed; what it got wrong, the next one mends. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-jobs': { up: jobs },
  '0002-files': { up: files },
  '0003-processes': { up: processes },
}

/**
 * Bring a database to the present schema, from any released one. All of it in one transaction: an interrupted migration
 * leaves the database as it was.
 *
 * @throws {Error} when a migration fails, or the database is of a newer version than this program.
 */
export async function migrate(database: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error === undefined) return
  const failed = results.find(({ status }) => status === 'Error')?.migrationName
  const what = failed === undefined ? 'the schema of the database is not known' : `migration ${failed} failed`
  throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}

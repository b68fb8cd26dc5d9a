import { type Kysely, type Migration, Migrator } from 'kysely'
import { up as jobs } from './0001-jobs.js'
import { up as files } from './0002-files.js'
import { up as processes } from './0003-processes.js'
import { up as spaces } from './0004-spaces.js'
import { up as keptBytes } from './0005-kept-bytes.js'
import type { Tables } from './tables.js'

/** In order, named as their files. A released one is never changed; what it got wrong, the next one mends. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-jobs': { up: jobs },
  '0002-files': { up: files },
  '0003-processes': { up: processes },
  '0004-spaces': { up: spaces },
  '0005-kept-bytes': { up: keptBytes },
}

/** A database that a later version of this program has changed. */
export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError'
  constructor(readonly migration: string) {
    super(`the database has the migration ${migration}, which this version does not know`)
  }
}

/**
 * Bring a database to the present schema, from any released one. All of it in one transaction: an interrupted migration
 * leaves the database as it was.
 *
 * @throws {NewerSchemaError}
 * @throws {Error} when a migration fails; what the database says when it cannot be asked.
 */
export async function migrate(database: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error === undefined) return
  const reason = error instanceof Error ? error.message : String(error)
  const unknown = UNKNOWN_MIGRATION.exec(reason)?.[1]
  if (unknown !== undefined) throw new NewerSchemaError(unknown)
  const failed = results.find(({ status }) => status === 'Error')?.migrationName
  if (failed === undefined) throw error
  throw new Error(`migration ${failed} failed: ${reason}`, { cause: error })
}

/** In Kysely's words. */
const UNKNOWN_MIGRATION = /previously executed migration (\S+) is missing/

import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type DialectAdapter,
  type Driver,
  Kysely,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
} from 'kysely'
import { migrate } from '../schema/migrate.js'
import type { Tables } from '../schema/tables.js'
import { explainSqlite } from './explain-sqlite.js'
import { type OpenOptions, openFile } from './open-file.js'

/**
 * The database of one machine: a file, opened once a process; one connection, on which transactions take turns.
 *
 * A commit that returned is on the disk (`synchronous=FULL`): it outlives the process and the power.
 * @param path the file, created if it is missing; `:memory:` for tests.
 * @throws {DatabaseError} when the file cannot be opened, is no database, is locked, or is of a newer version.
 */
export async function openSqlite(path: string, options: OpenOptions = {}): Promise<Kysely<Tables>> {
  const file = openFile(path, options)
  try {
    const database = new Kysely<Tables>({ dialect: new TransactionalSqliteDialect({ database: toKysely(file) }) })
    await migrate(database)
    return database
  } catch (error) {
    file.close()
    throw explainSqlite(error, path)
  }
}

/** Kysely asks with lists of values, as better-sqlite3 takes them. */
function toKysely(file: DatabaseSyncInstance): SqliteDatabase {
  return {
    prepare(sql) {
      const statement = file.prepare(sql)
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...values),
        run: (values) => statement.run(...values),
        iterate: (values) => statement.iterate(...values),
      }
    },
    close: () => file.close(),
  }
}

/**
 * Kysely's dialect, which takes SQLite for a database whose schema changes cannot be undone, and whose transactions
 * begin as readers. Here a migration is one transaction, and a transaction is a writer from its start: one that turns
 * from reader to writer while another process writes fails at once, however long it would wait.
 */
class TransactionalSqliteDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig

  constructor(config: SqliteDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new ImmediateSqliteDriver(this.#config)
  }

  override createAdapter(): DialectAdapter {
    return new TransactionalSqliteAdapter()
  }
}

class ImmediateSqliteDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}

class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

import type { Kysely } from 'kysely'

/** Processes that share the database, and what they must agree on. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('processes')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('secret_digest', 'text', (column) => column.notNull())
    .addColumn('storage_id', 'text', (column) => column.notNull())
    .addColumn('seen_at', 'bigint', (column) => column.notNull())
    .execute()
}

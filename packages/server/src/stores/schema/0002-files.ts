import type { Kysely } from 'kysely'

/** Files: what callers uploaded and what jobs made for them. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('files')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('project', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('filename', 'text', (column) => column.notNull())
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('blob_key', 'text', (column) => column.notNull().unique())
    .addColumn('model', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .execute()
  await database.schema
    .createIndex('files_by_project')
    .on('files')
    .columns(['project', 'kind', 'created_at', 'id'])
    .execute()
  await database.schema.createIndex('files_by_expiry').on('files').column('expires_at').execute()
}

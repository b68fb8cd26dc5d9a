import type { Kysely } from 'kysely'

/** What a job keeps besides files of its caller: its input while it is open, the result of a task from then on. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .alterTable('jobs')
    .addColumn('kept_bytes', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute()
}

import { type Kysely, PostgresAdapter, sql } from 'kysely'

/**
 * A job keeps to one vector space; failures are judged by how long they last; the ledger refuses to be changed.
 */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('jobs').addColumn('engine_space', 'text').execute()
  await database.schema
    .alterTable('jobs')
    .addColumn('spaces', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute()
  await database.schema.alterTable('jobs').addColumn('progressed_at', 'bigint').execute()
  await database.schema.alterTable('shards').addColumn('failing_since', 'bigint').execute()
  await database.schema.createIndex('jobs_by_turn').on('jobs').columns(['project', 'served_at']).execute()
  await database.schema.createIndex('idempotency_keys_by_age').on('idempotency_keys').column('created_at').execute()
  const isPostgres = database.getExecutor().adapter instanceof PostgresAdapter
  for (const statement of isPostgres ? APPEND_ONLY.postgres : APPEND_ONLY.sqlite)
    await sql.raw(statement).execute(database)
}

/** What was charged is neither changed nor removed, whatever a later version of this program gets wrong. */
const APPEND_ONLY = {
  sqlite: ['update', 'delete'].map(
    (change) => `create trigger ledger_refuses_${change} before ${change} on ledger
      begin select raise(abort, 'the ledger is append-only'); end`,
  ),
  postgres: [
    `create function ledger_refuses() returns trigger language plpgsql as
      $$ begin raise exception 'the ledger is append-only'; end $$`,
    `create trigger ledger_refuses before update or delete or truncate on ledger
      for each statement execute function ledger_refuses()`,
  ],
}

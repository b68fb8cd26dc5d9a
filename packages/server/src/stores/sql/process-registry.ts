import type { Kysely, Selectable, Transaction } from 'kysely'
import type { ProcessNote, ProcessRegistry } from '../../processes/process-registry.js'
import type { Tables } from '../schema/tables.js'

/** Notes as old as this are of nobody that will come back. */
const KEPT_MS = 24 * 3600 * 1000

/** The registry of SQLite and PostgreSQL. @param options.serialize as of the job store. */
export function createSqlProcessRegistry(
  database: Kysely<Tables>,
  {
    serialize = async () => {},
  }: { serialize?: (transaction: Transaction<Tables>, lock: string) => Promise<void> } = {},
): ProcessRegistry {
  return {
    join: (own, { aliveSince, check }) =>
      database.transaction().execute(async (transaction) => {
        await serialize(transaction, 'processes')
        const rows = await transaction
          .selectFrom('processes')
          .selectAll()
          .where('id', '!=', own.id)
          .where('seen_at', '>=', aliveSince.getTime())
          .execute()
        await check(rows.map(toNote))
        await transaction
          .deleteFrom('processes')
          .where('seen_at', '<', own.seenAt.getTime() - KEPT_MS)
          .execute()
        await keep(transaction, own)
      }),
    seen: (own) => keep(database, own),
    async leave(id) {
      await database.deleteFrom('processes').where('id', '=', id).execute()
    },
  }
}

async function keep(
  queries: Kysely<Tables>,
  { id, role, secretDigest, storageId, seenAt }: ProcessNote,
): Promise<void> {
  const seen_at = seenAt.getTime()
  await queries
    .insertInto('processes')
    .values({ id, role, secret_digest: secretDigest, storage_id: storageId, seen_at })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at }))
    .execute()
}

function toNote(row: Selectable<Tables['processes']>): ProcessNote {
  return {
    id: row.id,
    role: row.role,
    secretDigest: row.secret_digest,
    storageId: row.storage_id,
    seenAt: new Date(row.seen_at),
  }
}

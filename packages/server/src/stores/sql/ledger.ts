import type { Kysely } from 'kysely'
import { GroupCommit } from '../../usage/group-commit.js'
import { amountNanos, type Charge, type Ledger } from '../../usage/ledger.js'
import type { Tables } from '../schema/tables.js'

export type LedgerRow = Tables['ledger']
/** Commits rows together; those whose id is there already count as written. */
export type AppendToLedger = (rows: readonly LedgerRow[]) => Promise<void>

/** How rows get into the table. */
export interface LedgerWriter {
  /** Resolves when the row outlives this process. */
  add(row: LedgerRow): Promise<void>
  /** Resolves when every row added so far is in the table. */
  drain(): Promise<void>
}

/**
 * The ledger of SQLite and PostgreSQL.
 *
 * @param writer by default group commit on the database's own connection. SQLite's would stop the process while the disk
 * is flushed: a server hands in a `LedgerJournal`.
 */
export function createSqlLedger(
  database: Kysely<Tables>,
  writer: LedgerWriter = new GroupCommit(appendTo(database)),
): Ledger {
  return {
    record: (charge) => writer.add(toLedgerRow(charge)),
    close: () => writer.drain(),
    async totalsOf(project, reference) {
      await writer.drain()
      const sums = await database
        .selectFrom('ledger')
        .select(({ fn }) => [
          fn.countAll<number>().as('charges'),
          fn.sum<number | null>('inputs').as('inputs'),
          fn.sum<number | null>('tokens').as('tokens'),
          fn.sum<number | null>('amount_nanos').as('amount'),
        ])
        .where('project', '=', project)
        .where('reference', '=', reference)
        .executeTakeFirstOrThrow()
      return {
        charges: Number(sums.charges),
        inputs: Number(sums.inputs ?? 0),
        tokens: Number(sums.tokens ?? 0),
        amountNanos: Number(sums.amount ?? 0),
      }
    },
  }
}

function appendTo(database: Kysely<Tables>): AppendToLedger {
  return async (rows) => {
    await database
      .insertInto('ledger')
      .values([...rows])
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute()
  }
}

export function toLedgerRow(charge: Charge): LedgerRow {
  return {
    id: charge.id,
    project: charge.project,
    key_id: charge.keyId,
    kind: charge.kind,
    reference: charge.reference,
    model: charge.model,
    space: charge.space,
    inputs: charge.inputs,
    tokens: charge.tokens,
    price_micros_per_1k_tokens: charge.priceMicrosPer1kTokens,
    amount_nanos: amountNanos(charge),
    created_at: charge.at.getTime(),
  }
}

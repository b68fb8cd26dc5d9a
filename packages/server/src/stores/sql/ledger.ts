import type { Insertable, Kysely } from 'kysely'
import { amountNanos, type Charge, type Ledger } from '../../usage/ledger.js'
import type { Tables } from '../schema/tables.js'

/** The ledger's sums; its rows are written by the stores of the work that is paid for. */
export function createSqlLedger(database: Kysely<Tables>): Ledger {
  return {
    async totalsOf(project, reference) {
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

export function toLedgerRow(charge: Charge): Insertable<Tables['ledger']> {
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

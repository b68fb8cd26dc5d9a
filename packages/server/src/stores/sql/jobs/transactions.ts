import type { Kysely, Transaction } from 'kysely'
import type { Tables } from '../../schema/tables.js'

/** The database, or a transaction on it. */
export type Queries = Kysely<Tables>

/** Makes the rest of a transaction wait for others that hold the same lock. */
export type Serialize = (transaction: Transaction<Tables>, lock: string) => Promise<void>

type Work<Value> = (transaction: Transaction<Tables>) => Promise<Value>

/** How the statements of the job store become one transaction, and wait for one another. */
export interface Transactions {
  /** All of it, or nothing. */
  transact<Value>(work: Work<Value>): Promise<Value>
  /** What changes a job waits for others that change it, before it looks at anything. */
  change<Value>(job: { id: string }, work: Work<Value>): Promise<Value>
  /** Submissions of a project take turns: each sees the keys and the jobs that the one before it kept. */
  lockSubmissions(transaction: Transaction<Tables>, project: string): Promise<void>
  /** Claims take turns: no two take the same part. */
  lockClaims(transaction: Transaction<Tables>): Promise<void>
  /** As {@link Transactions.change}, in the midst of a transaction. */
  lockJob(transaction: Transaction<Tables>, id: string): Promise<void>
}

export function createTransactions(database: Kysely<Tables>, serialize: Serialize): Transactions {
  const transact = <Value>(work: Work<Value>) => database.transaction().execute(work)
  const lockJob = (transaction: Transaction<Tables>, id: string) => serialize(transaction, `job ${id}`)
  return {
    transact,
    change: ({ id }, work) =>
      transact(async (transaction) => {
        await lockJob(transaction, id)
        return work(transaction)
      }),
    lockSubmissions: (transaction, project) => serialize(transaction, `submit ${project}`),
    lockClaims: (transaction) => serialize(transaction, 'claim'),
    lockJob,
  }
}

import type { Kysely } from 'kysely'
import type { JobStore } from '../../jobs/job-store.js'
import type { Tables } from '../schema/tables.js'
import { claimParts } from './jobs/claim-parts.js'
import { commitParts } from './jobs/commit-parts.js'
import { findJobs } from './jobs/find-jobs.js'
import { keepLeases } from './jobs/keep-leases.js'
import { loadOfJobs } from './jobs/load-of-jobs.js'
import { purgeJobs } from './jobs/purge-jobs.js'
import { stopJobs } from './jobs/stop-jobs.js'
import { submitJobs } from './jobs/submit-jobs.js'
import { createTransactions, type Serialize } from './jobs/transactions.js'

/**
 * The job store of SQLite and PostgreSQL; each file of `jobs/` is what one side of it does.
 *
 * @param options.serialize makes the rest of a transaction wait for others that hold the same lock; in SQLite every
 * transaction that writes waits for all others by itself.
 */
export function createSqlJobStore(
  database: Kysely<Tables>,
  { serialize = async () => {} }: { serialize?: Serialize } = {},
): JobStore {
  const transactions = createTransactions(database, serialize)
  return {
    ...submitJobs(transactions),
    ...findJobs(database),
    ...loadOfJobs(database),
    ...stopJobs(transactions),
    ...claimParts(database, transactions),
    ...keepLeases(database, transactions),
    ...commitParts(database, transactions),
    ...purgeJobs(database),
  }
}

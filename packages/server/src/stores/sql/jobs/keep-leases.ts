import type { JobStore } from '../../../jobs/job-store.js'
import { getJob } from './find-jobs.js'
import { updatePart } from './parts.js'
import type { Queries, Transactions } from './transactions.js'

/** Leases between their claim and their end: who has them, and for how long. */
export function keepLeases(
  database: Queries,
  { change }: Transactions,
): Pick<JobStore, 'renew' | 'release' | 'holders' | 'disown'> {
  return {
    renew: (lease, until) =>
      change(lease.job, async (transaction) => {
        const isHeld = await updatePart(transaction, lease, { leased_until: until.getTime() })
        if (!isHeld) return 'lost'
        const { outcome } = await getJob(transaction, lease.job.id)
        return outcome === lease.job.outcome ? 'held' : 'unwanted'
      }),

    release: (lease, { notBefore, failure }) =>
      updatePart(database, lease, {
        state: 'waiting',
        holder: null,
        leased_until: null,
        not_before: notBefore.getTime(),
        ...(failure !== undefined && { failures: lease.failures + 1, last_error: failure }),
      }),

    async holders() {
      const rows = await database
        .selectFrom('shards')
        .select('holder')
        .distinct()
        .where('state', '=', 'leased')
        .execute()
      return rows.flatMap(({ holder }) => holder ?? [])
    },

    async disown(holders) {
      if (holders.length === 0) return
      await database
        .updateTable('shards')
        .set({ leased_until: 0 })
        .where('state', '=', 'leased')
        .where('holder', 'in', holders)
        .execute()
    },
  }
}

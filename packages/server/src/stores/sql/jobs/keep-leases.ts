import type { JobStore } from '../../../jobs/job-store.js'
import { getJob } from './find-jobs.js'
import { updatePart } from './parts.js'
import type { Queries, Transactions } from './transactions.js'

/** A part that nobody has. */
const FREE = { state: 'waiting', holder: null, leased_until: null } as const

/** Leases between their claim and their end: who has them, and for how long. */
export function keepLeases(
  database: Queries,
  { change }: Transactions,
): Pick<JobStore, 'renew' | 'release' | 'fail' | 'holders' | 'disown'> {
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
        ...FREE,
        not_before: notBefore.getTime(),
        ...(failure !== undefined && {
          failures: lease.failures + 1,
          failing_since: ((lease.lastFailure === failure.name && lease.failingSince) || failure.at).getTime(),
          last_error: failure.name,
        }),
      }),

    fail: (lease, faults) =>
      change(lease.job, async (transaction) => {
        if (!(await updatePart(transaction, lease, { ...FREE, not_before: 0 }))) return false
        await transaction
          .updateTable('jobs')
          .set({ outcome: 'failed', faults: JSON.stringify(faults) })
          .where('id', '=', lease.job.id)
          .where('outcome', 'is', null)
          .execute()
        return true
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

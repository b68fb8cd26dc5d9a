import type { JobStore } from '../../../jobs/job-store.js'
import { findJob, getJob } from './find-jobs.js'
import { dropParts } from './parts.js'
import type { Transactions } from './transactions.js'

/** Ending jobs before their work is done: one that waits ends at once, one that runs is asked to. */
export function stopJobs({ transact, change, lockJob }: Transactions): Pick<JobStore, 'cancel' | 'expire'> {
  return {
    cancel: (job, { now, onlyQueued }) =>
      change(job, async (transaction) => {
        const { id } = job
        const own = await findJob(transaction, job)
        if (own === undefined) return undefined
        const ended = await transaction
          .updateTable('jobs')
          .set({ state: 'cancelled', cancel_asked_at: now.getTime(), ended_at: now.getTime() })
          .where('id', '=', id)
          .where('state', '=', 'queued')
          .executeTakeFirst()
        if (ended.numUpdatedRows > 0n) await dropParts(transaction, id)
        else if (!onlyQueued) {
          await transaction
            .updateTable('jobs')
            .set({ outcome: 'cancelled', cancel_asked_at: now.getTime() })
            .where('id', '=', id)
            .where('ended_at', 'is', null)
            .where('outcome', 'is', null)
            .execute()
        }
        return getJob(transaction, id)
      }),

    expire: (now) =>
      transact(async (transaction) => {
        const due = await transaction
          .selectFrom('jobs')
          .select('id')
          .where('expires_at', '<=', now.getTime())
          .where('ended_at', 'is', null)
          .where('outcome', 'is', null)
          .execute()
        for (const { id } of due) {
          await lockJob(transaction, id)
          const { state } = await getJob(transaction, id)
          const isQueued = state === 'queued'
          await transaction
            .updateTable('jobs')
            .set({ outcome: 'expired', ...(isQueued && { state: 'expired', ended_at: now.getTime() }) })
            .where('id', '=', id)
            .where('ended_at', 'is', null)
            .execute()
          if (isQueued) await dropParts(transaction, id)
        }
        return due.length
      }),
  }
}

import type { Job, TerminalState } from '../../../jobs/job.js'
import type { Aftermath, JobStore } from '../../../jobs/job-store.js'
import { findJob, getJob } from './find-jobs.js'
import { dropParts, insertPart } from './parts.js'
import type { Queries, Transactions } from './transactions.js'

/** Ending jobs before their work is done: one that waits ends at once, one that runs is asked to. */
export function stopJobs({ transact, change, lockJob }: Transactions): Pick<JobStore, 'cancel' | 'expire'> {
  return {
    cancel: (which, { now, onlyQueued, aftermathOf }) =>
      change(which, async (transaction) => {
        const job = await findJob(transaction, which)
        if (job === undefined) return undefined
        if (job.state === 'queued') {
          const end = { ...aftermathOf(job, now), state: 'cancelled', now } as const
          await endQueued(transaction, job, { ...end, cancel_asked_at: now.getTime() })
        } else if (!onlyQueued) {
          await transaction
            .updateTable('jobs')
            .set({ outcome: 'cancelled', cancel_asked_at: now.getTime() })
            .where('id', '=', job.id)
            .where('ended_at', 'is', null)
            .where('outcome', 'is', null)
            .execute()
        }
        return getJob(transaction, job.id)
      }),

    expire: (now, aftermathOf) =>
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
          const job = await getJob(transaction, id)
          if (job.state === 'queued') {
            const end = { ...aftermathOf(job, now), state: 'expired', now } as const
            await endQueued(transaction, job, { ...end, outcome: 'expired' })
          } else {
            await transaction
              .updateTable('jobs')
              .set({ outcome: 'expired' })
              .where('id', '=', id)
              .where('ended_at', 'is', null)
              .execute()
          }
        }
        return due.length
      }),
  }
}

/** Nothing of it was begun, so nothing has to be put together; whoever waits for its end is told like any other. */
async function endQueued(
  queries: Queries,
  { id }: Pick<Job, 'id'>,
  {
    notify,
    purgeAt,
    now,
    ...columns
  }: Aftermath & {
    now: Date
    state: TerminalState
    cancel_asked_at?: number
    outcome?: 'expired'
  },
): Promise<void> {
  await queries
    .updateTable('jobs')
    .set({ ...columns, ended_at: now.getTime(), purge_at: purgeAt.getTime() })
    .where('id', '=', id)
    .execute()
  await dropParts(queries, id)
  if (notify) await insertPart(queries, id, 'notify')
}

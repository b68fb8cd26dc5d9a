import { sql } from 'kysely'
import type { JobStore } from '../../../jobs/job-store.js'
import { STATE } from './find-jobs.js'
import type { Queries } from './transactions.js'

/** Since when a part could be worked on: the instant that made it, or the end of its pause. */
const SINCE = sql<number>`case when shards.not_before > 0 then shards.not_before else coalesce(case shards.stage
  when 'compute' then jobs.planned_at when 'finish' then jobs.computed_at when 'notify' then jobs.ended_at
  end, jobs.created_at) end`

/** Counts over all jobs, for those who watch the server. */
export function loadOfJobs(database: Queries): Pick<JobStore, 'load'> {
  return {
    async load(now) {
      const jobs = await database
        .selectFrom('jobs')
        .select(({ fn }) => ['kind', STATE.as('state'), fn.countAll<number>().as('count')])
        .groupBy(['kind', STATE])
        .execute()
      const waiting = await database
        .selectFrom('shards')
        .innerJoin('jobs', 'jobs.id', 'shards.job_id')
        .select(({ fn }) => ['stage', fn.countAll<number>().as('count'), fn.min<number>(SINCE).as('since')])
        .where('shards.state', '=', 'waiting')
        .where('shards.not_before', '<=', now.getTime())
        .groupBy('stage')
        .execute()
      const { callbacksGivenUp } = await database
        .selectFrom('shards')
        .select(({ fn }) => fn.countAll<number>().as('callbacksGivenUp'))
        .where('state', '=', 'given_up')
        .executeTakeFirstOrThrow()
      return {
        jobs: jobs.map(({ count, ...job }) => ({ ...job, count: Number(count) })),
        waiting: waiting.map(({ stage, count, since }) => ({ stage, count: Number(count), since: new Date(since) })),
        callbacksGivenUp: Number(callbacksGivenUp),
      }
    },
  }
}

import { type Kysely, type Selectable, sql } from 'kysely'
import { MAX_BACKOFF_MS } from '../../../jobs/backoff.js'
import type { Stage } from '../../../jobs/job.js'
import type { JobStore } from '../../../jobs/job-store.js'
import type { Tables } from '../../schema/tables.js'
import { getJob } from './find-jobs.js'
import { toLease } from './job-row.js'
import type { PartRow } from './parts.js'
import { splitIfSuspected } from './split-part.js'
import type { Queries, Transactions } from './transactions.js'

/** States in which a job takes a place of its lane. */
const RUNNING = ['planning', 'computing', 'finishing']

/**
 * How far the clocks of two machines may differ. An instant further ahead than any that is set now, and this, was set
 * before a clock was put back: waiting for it would be waiting for as long as the clock was wrong.
 */
const CLOCK_SLACK_MS = 60_000

const STAGES = ['plan', 'compute', 'finish', 'notify'] as const satisfies readonly Stage[]

/** Taking the part whose turn it is. */
export function claimParts(
  database: Kysely<Tables>,
  { transact, lockClaims, lockJob }: Transactions,
): Pick<JobStore, 'claim'> {
  return {
    async claim({ holder, now, until }) {
      const instants = { at: now.getTime(), until: until.getTime() }
      // Mostly there is nothing. A look waits for nobody, where a transaction that may write would hold up this whole
      // process while another thread or process writes to SQLite.
      if ((await findNext(database, instants)) === undefined) return undefined
      return transact(async (transaction) => {
        await lockClaims(transaction)
        const next = await findNext(transaction, instants)
        if (next === undefined) return undefined
        await lockJob(transaction, next.job_id)
        const losses = next.losses + (next.state === 'leased' ? 1 : 0)
        const kept = await splitIfSuspected(transaction, { ...next, losses })
        await serve(transaction, next, instants.at)
        const taken = await take(transaction, next, { ...kept, ...instants, holder })
        if (taken === undefined) throw new LostLease()
        return toLease(await getJob(transaction, next.job_id), taken, holder)
      }).catch((error: unknown) => {
        if (error instanceof LostLease) return undefined
        throw error
      })
    },
  }
}

/** Undoes a claim that somebody else was faster than. */
class LostLease extends Error {}

/** Milliseconds since 1970: the present, and the end of the lease that is asked for. */
interface Instants {
  at: number
  until: number
}

/** Of the project that waited longest, and of its job that did, the first part that waits or whose lease ran out, if the job's lane has a place. */
function findNext(queries: Queries, { at, until }: Instants): Promise<Selectable<PartRow> | undefined> {
  return queries
    .selectFrom('shards')
    .innerJoin('jobs', 'jobs.id', 'shards.job_id')
    .selectAll('shards')
    .where(({ eb, or, and }) =>
      or([
        and([
          eb('shards.state', '=', 'waiting'),
          or([
            eb('shards.not_before', '<=', at),
            ...STAGES.map((stage) =>
              and([
                eb('shards.stage', '=', stage),
                eb('shards.not_before', '>', at + MAX_BACKOFF_MS[stage] + CLOCK_SLACK_MS),
              ]),
            ),
          ]),
        ]),
        and([
          eb('shards.state', '=', 'leased'),
          or([eb('shards.leased_until', '<', at), eb('shards.leased_until', '>', until + CLOCK_SLACK_MS)]),
        ]),
      ]),
    )
    .where(({ eb, or, selectFrom }) =>
      or([
        eb('jobs.state', '!=', 'queued'),
        eb(
          selectFrom('jobs as others')
            .select((count) => count.fn.countAll<number>().as('running'))
            .whereRef('others.lane', '=', 'jobs.lane')
            .where('others.state', 'in', RUNNING),
          '<',
          eb.ref('jobs.lane_limit'),
        ),
      ]),
    )
    .orderBy(
      sql`coalesce((select max(peers.served_at) from jobs as peers
        where peers.project = jobs.project and peers.served_at <= ${at}), 0)`,
    )
    .orderBy(sql`case when jobs.served_at > ${at} then 0 else jobs.served_at end`)
    .orderBy('jobs.created_at')
    .orderBy('shards.first_line')
    .limit(1)
    .executeTakeFirst()
}

/** The job had its turn, and begins with its plan. */
async function serve(queries: Queries, { job_id, stage }: Selectable<PartRow>, at: number): Promise<void> {
  await queries.updateTable('jobs').set({ served_at: at }).where('id', '=', job_id).execute()
  if (stage !== 'plan') return
  await queries
    .updateTable('jobs')
    .set({ state: 'planning', started_at: at })
    .where('id', '=', job_id)
    .where('state', '=', 'queued')
    .execute()
}

/** @returns the leased part; `undefined` when it was committed or renewed between the look and the lock. */
function take(
  queries: Queries,
  next: Selectable<PartRow>,
  { at, until, ...changes }: Instants & Pick<PartRow, 'holder' | 'line_count' | 'losses'>,
): Promise<Selectable<PartRow> | undefined> {
  return queries
    .updateTable('shards')
    .set({ ...changes, state: 'leased', fence: next.fence + 1, leased_until: until })
    .where('job_id', '=', next.job_id)
    .where('stage', '=', next.stage)
    .where('first_line', '=', next.first_line)
    .where('fence', '=', next.fence)
    .where('state', '=', next.state)
    .where(({ eb, or }) =>
      or([
        eb('leased_until', 'is', null),
        eb('leased_until', '<', at),
        eb('leased_until', '>', until + CLOCK_SLACK_MS),
      ]),
    )
    .returningAll()
    .executeTakeFirst()
}

import { ApiError } from '@quiver/protocol'
import { type Kysely, type SelectQueryBuilder, sql, type Transaction } from 'kysely'
import { MAX_BACKOFF_MS } from '../../jobs/backoff.js'
import type { Job, Lease, Stage } from '../../jobs/job.js'
import { type JobQuery, type JobStore, SPLIT_PARTS, SUSPICIOUS_LOSSES } from '../../jobs/job-store.js'
import type { Tables } from '../schema/tables.js'
import { toJob, toJobRow, toLease } from './job-row.js'
import { toLedgerRow } from './ledger.js'

/** States in which a job takes a place of its lane. */
const RUNNING = ['planning', 'computing', 'finishing']

/**
 * How far the clocks of two machines may differ. An instant further ahead than any that is set now, and this, was set
 * before a clock was put back: waiting for it would be waiting for as long as the clock was wrong.
 */
const CLOCK_SLACK_MS = 60_000

/**
 * The job store of SQLite and PostgreSQL.
 *
 * @param options.serialize makes the rest of a transaction wait for others that hold the same lock; in SQLite every
 * transaction that writes waits for all others by itself.
 */
export function createSqlJobStore(
  database: Kysely<Tables>,
  {
    serialize = async () => {},
  }: { serialize?: (transaction: Transaction<Tables>, lock: string) => Promise<void> } = {},
): JobStore {
  const transact = <Value>(work: (transaction: Transaction<Tables>) => Promise<Value>) =>
    database.transaction().execute(work)
  /** What changes a job waits for others that change it, before it looks at anything. */
  const change = <Value>({ id }: { id: string }, work: (transaction: Transaction<Tables>) => Promise<Value>) =>
    transact(async (transaction) => {
      await serialize(transaction, `job ${id}`)
      return work(transaction)
    })

  return {
    submit: (job, { idempotency, maxOpen, minIntervalMs }) =>
      transact(async (transaction) => {
        await serialize(transaction, `submit ${job.project}`)
        if (idempotency !== undefined) {
          const earlier = await transaction
            .selectFrom('idempotency_keys')
            .selectAll()
            .where('project', '=', job.project)
            .where('operation', '=', idempotency.operation)
            .where('key', '=', idempotency.key)
            .executeTakeFirst()
          if (earlier !== undefined && earlier.fingerprint !== idempotency.fingerprint) {
            throw new ApiError(
              'idempotency_conflict',
              'This Idempotency-Key was used with another request body before; use a new key for a new request.',
              { param: 'Idempotency-Key' },
            )
          }
          const kept = earlier && (await findJob(transaction, job.project, job.kind, earlier.job_id))
          if (kept !== undefined) return kept
          await transaction
            .insertInto('idempotency_keys')
            .values({
              project: job.project,
              operation: idempotency.operation,
              key: idempotency.key,
              fingerprint: idempotency.fingerprint,
              job_id: job.id,
              created_at: job.createdAt.getTime(),
            })
            .onConflict((conflict) => conflict.columns(['project', 'operation', 'key']).doUpdateSet({ job_id: job.id }))
            .execute()
        }
        await checkLane(transaction, job, { maxOpen, minIntervalMs })
        await transaction.insertInto('jobs').values(toJobRow(job)).execute()
        await insertPart(transaction, job.id, 'plan')
        return getJob(transaction, job.id)
      }),

    find: (project, kind, id) => findJob(database, project, kind, id),

    async list(query) {
      const matching = filtered(database.selectFrom('jobs'), query)
      const { count } = await matching
        .select((expression) => expression.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      const after = query.afterId && (await findJob(database, query.project, query.kind, query.afterId))
      const rows = await filtered(database.selectFrom('jobs'), query)
        .selectAll()
        .$if(query.afterId !== undefined, (builder) =>
          after
            ? builder.where(({ eb, or, and }) =>
                or([
                  eb('created_at', '<', after.createdAt.getTime()),
                  and([eb('created_at', '=', after.createdAt.getTime()), eb('id', '<', after.id)]),
                ]),
              )
            : builder.where(sql<boolean>`1 = 0`),
        )
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(query.limit)
        .offset(query.offset ?? 0)
        .execute()
      return { jobs: rows.map(toJob), total: Number(count) }
    },

    cancel: ({ project, kind, id }, { now, onlyQueued }) =>
      change({ id }, async (transaction) => {
        const own = await findJob(transaction, project, kind, id)
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
          await serialize(transaction, `job ${id}`)
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

    claim: ({ holder, now, until }) =>
      transact(async (transaction) => {
        await serialize(transaction, 'claim')
        const at = now.getTime()
        const latest = until.getTime() + CLOCK_SLACK_MS
        const next = await transaction
          .selectFrom('shards')
          .innerJoin('jobs', 'jobs.id', 'shards.job_id')
          .selectAll('shards')
          .select(['shards.state as part_state'])
          .where(({ eb, or, and }) =>
            or([
              and([
                eb('shards.state', '=', 'waiting'),
                or([
                  eb('shards.not_before', '<=', at),
                  eb('shards.not_before', '>', at + MAX_BACKOFF_MS + CLOCK_SLACK_MS),
                ]),
              ]),
              and([
                eb('shards.state', '=', 'leased'),
                or([eb('shards.leased_until', '<', at), eb('shards.leased_until', '>', latest)]),
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
          .orderBy(sql`case when jobs.served_at > ${at} then 0 else jobs.served_at end`)
          .orderBy('jobs.created_at')
          .orderBy('shards.first_line')
          .limit(1)
          .executeTakeFirst()
        if (next === undefined) return undefined
        await serialize(transaction, `job ${next.job_id}`)
        const losses = next.losses + (next.part_state === 'leased' ? 1 : 0)
        const lineCount = await splitIfSuspected(transaction, { ...next, losses })
        const isSplit = lineCount !== next.line_count
        await transaction.updateTable('jobs').set({ served_at: at }).where('id', '=', next.job_id).execute()
        if (next.stage === 'plan') {
          await transaction
            .updateTable('jobs')
            .set({ state: 'planning', started_at: at })
            .where('id', '=', next.job_id)
            .where('state', '=', 'queued')
            .execute()
        }
        const taken = await transaction
          .updateTable('shards')
          .set({
            state: 'leased',
            fence: next.fence + 1,
            holder,
            leased_until: until.getTime(),
            line_count: lineCount,
            losses: isSplit ? lossesAfterSplit(lineCount) : losses,
          })
          .where('job_id', '=', next.job_id)
          .where('stage', '=', next.stage)
          .where('first_line', '=', next.first_line)
          // It may have been committed or renewed between the look and the lock.
          .where('fence', '=', next.fence)
          .where('state', '=', next.part_state)
          .where(({ eb, or }) =>
            or([eb('leased_until', 'is', null), eb('leased_until', '<', at), eb('leased_until', '>', latest)]),
          )
          .returningAll()
          .executeTakeFirst()
        if (taken === undefined) throw new LostLease()
        return toLease(await getJob(transaction, next.job_id), taken, holder)
      }).catch((error: unknown) => {
        if (error instanceof LostLease) return undefined
        throw error
      }),

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

    commitPlan: (lease, { model, inputKey, totalLines, shards, now }) =>
      change(lease.job, async (transaction) => {
        if (!(await finishPart(transaction, lease))) return false
        await transaction
          .updateTable('jobs')
          .set({
            model,
            input_key: inputKey,
            total_lines: totalLines,
            planned_at: now.getTime(),
            state: shards.length > 0 ? 'computing' : 'finishing',
            ...(shards.length === 0 && { computed_at: now.getTime() }),
          })
          .where('id', '=', lease.job.id)
          .execute()
        if (shards.length === 0) await insertPart(transaction, lease.job.id, 'finish')
        for (const { firstLine, lineCount, startByte } of shards) {
          await insertPart(transaction, lease.job.id, 'compute', {
            first_line: firstLine,
            line_count: lineCount,
            start_byte: startByte,
          })
        }
        return true
      }),

    commitShard: (lease, result, now) =>
      change(lease.job, async (transaction) => {
        const parts = { output_key: result.outputKey ?? null, error_key: result.errorKey ?? null }
        if (!(await finishPart(transaction, lease, parts))) return false
        await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({
            completed_lines: eb('completed_lines', '+', result.completedLines),
            failed_lines: eb('failed_lines', '+', result.failedLines),
            tokens: eb('tokens', '+', result.tokens),
          }))
          .where('id', '=', lease.job.id)
          .execute()
        if (result.charges.length > 0) {
          await transaction.insertInto('ledger').values(result.charges.map(toLedgerRow)).execute()
        }
        const open = await transaction
          .selectFrom('shards')
          .select('first_line')
          .where('job_id', '=', lease.job.id)
          .where('stage', '=', 'compute')
          .where('state', '!=', 'done')
          .limit(1)
          .executeTakeFirst()
        if (open !== undefined) return true
        await transaction
          .updateTable('jobs')
          .set({ state: 'finishing', computed_at: now.getTime() })
          .where('id', '=', lease.job.id)
          .execute()
        await insertPart(transaction, lease.job.id, 'finish')
        return true
      }),

    async partsOf({ job }) {
      const rows = await database
        .selectFrom('shards')
        .select(['first_line', 'output_key', 'error_key'])
        .where('job_id', '=', job.id)
        .where('stage', '=', 'compute')
        .where('state', '=', 'done')
        .orderBy('first_line')
        .execute()
      return rows.map(({ first_line, output_key, error_key }) => ({
        firstLine: first_line,
        ...(output_key !== null && { outputKey: output_key }),
        ...(error_key !== null && { errorKey: error_key }),
      }))
    },

    end: (lease, { state, faults = [], results = {}, notify, purgeAt, now }) =>
      change(lease.job, async (transaction) => {
        if (!(await finishPart(transaction, lease))) return false
        await transaction
          .updateTable('jobs')
          .set({
            state,
            faults: JSON.stringify(faults),
            results: JSON.stringify(results),
            ended_at: now.getTime(),
            purge_at: purgeAt.getTime(),
          })
          .where('id', '=', lease.job.id)
          .execute()
        await dropParts(transaction, lease.job.id)
        if (notify) await insertPart(transaction, lease.job.id, 'notify')
        return true
      }),

    settle: (lease) => finishPart(database, lease),

    async purgeable(now, limit) {
      const rows = await database
        .selectFrom('jobs')
        .select('id')
        .where('purge_at', '<=', now.getTime())
        .where('ended_at', 'is not', null)
        .limit(limit)
        .execute()
      return rows.map(({ id }) => id)
    },

    purge: (id, keysBefore) =>
      transact(async (transaction) => {
        await transaction.deleteFrom('jobs').where('id', '=', id).execute()
        await transaction.deleteFrom('idempotency_keys').where('created_at', '<', keysBefore.getTime()).execute()
      }),

    async knownAmong(ids) {
      if (ids.length === 0) return new Map()
      const rows = await database.selectFrom('jobs').select(['id', 'ended_at']).where('id', 'in', ids).execute()
      return new Map(rows.map(({ id, ended_at }) => [id, { hasEnded: ended_at !== null }]))
    },
  }
}

/** Undoes a claim that somebody else was faster than. */
class LostLease extends Error {}

type Queries = Kysely<Tables>

async function findJob(queries: Queries, project: string, kind: string, id: string): Promise<Job | undefined> {
  const row = await queries
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', id)
    .where('project', '=', project)
    .where('kind', '=', kind)
    .executeTakeFirst()
  return row && toJob(row)
}

async function getJob(queries: Queries, id: string): Promise<Job> {
  return toJob(await queries.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow())
}

/** @throws {ApiError} `rate_limited` */
async function checkLane(
  queries: Queries,
  { lane, createdAt }: Pick<Job, 'lane' | 'createdAt'>,
  { maxOpen, minIntervalMs }: { maxOpen: number; minIntervalMs: number },
): Promise<void> {
  const { open, newest } = await queries
    .selectFrom('jobs')
    .select(({ fn }) => [
      fn.countAll<number>().filterWhere('ended_at', 'is', null).as('open'),
      fn.max<number | null>('created_at').as('newest'),
    ])
    .where('lane', '=', lane.name)
    .executeTakeFirstOrThrow()
  if (Number(open) >= maxOpen) {
    throw new ApiError(
      'rate_limited',
      `Requests throttling triggered: ${maxOpen} jobs may wait or run at a time, and there are ${open}. Try again when one has ended.`,
    )
  }
  const sinceMs = createdAt.getTime() - Number(newest ?? Number.NEGATIVE_INFINITY)
  if (sinceMs >= 0 && sinceMs < minIntervalMs) {
    throw new ApiError(
      'rate_limited',
      `Requests rate limit exceeded, please try again later: one job in ${minIntervalMs} ms may be submitted; the last came ${sinceMs} ms ago.`,
      { retryAfterSeconds: Math.ceil((minIntervalMs - sinceMs) / 1000) },
    )
  }
}

function filtered<Selection>(
  builder: SelectQueryBuilder<Tables, 'jobs', Selection>,
  { project, kind, id, states, model, keyId, nameContains, sources, createdFrom, createdUntil }: JobQuery,
): SelectQueryBuilder<Tables, 'jobs', Selection> {
  let query = builder.where('project', '=', project).where('kind', '=', kind)
  if (id !== undefined) query = query.where('id', '=', id)
  if (model !== undefined) query = query.where('model', '=', model)
  if (keyId !== undefined) query = query.where('key_id', '=', keyId)
  if (nameContains !== undefined) {
    const pattern = `%${nameContains.replace(/[\\%_]/g, '\\$&')}%`
    query = query.where(sql<boolean>`name like ${pattern} escape '\\'`)
  }
  if (createdFrom !== undefined) query = query.where('created_at', '>=', createdFrom.getTime())
  if (createdUntil !== undefined) query = query.where('created_at', '<=', createdUntil.getTime())
  if (sources !== undefined) query = query.where('source', 'in', [...sources, ''])
  if (states !== undefined) {
    const state = sql<string>`case when ended_at is null and outcome = 'cancelled' then 'cancelling' else state end`
    query = query.where(state, 'in', [...states, ''])
  }
  return query
}

type PartRow = Tables['shards']

async function insertPart(
  queries: Queries,
  jobId: string,
  stage: Stage,
  lines: Partial<Pick<PartRow, 'first_line' | 'line_count' | 'start_byte' | 'skip_lines' | 'losses'>> = {},
): Promise<void> {
  const row = { first_line: 0, line_count: 0, start_byte: 0, skip_lines: 0, losses: 0, ...lines }
  await queries
    .insertInto('shards')
    .values({ job_id: jobId, stage, state: 'waiting', fence: 0, failures: 0, not_before: 0, ...row })
    .execute()
}

/** What only the newest lease may do. @returns whether this is it. */
async function updatePart(queries: Queries, lease: Lease, changes: Partial<PartRow>): Promise<boolean> {
  const { numUpdatedRows } = await queries
    .updateTable('shards')
    .set(changes)
    .where('job_id', '=', lease.job.id)
    .where('stage', '=', lease.stage)
    .where('first_line', '=', lease.firstLine)
    .where('state', '=', 'leased')
    .where('fence', '=', lease.fence)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

function finishPart(queries: Queries, lease: Lease, parts: Partial<PartRow> = {}): Promise<boolean> {
  return updatePart(queries, lease, { ...parts, state: 'done', holder: null, leased_until: null })
}

async function dropParts(queries: Queries, jobId: string): Promise<void> {
  await queries.deleteFrom('shards').where('job_id', '=', jobId).where('state', '!=', 'done').execute()
}

/** @returns lines that the first part keeps; the others become parts of their own. */
async function splitIfSuspected(
  queries: Queries,
  part: Pick<PartRow, 'job_id' | 'stage' | 'first_line' | 'line_count' | 'start_byte' | 'skip_lines' | 'losses'>,
): Promise<number> {
  const { line_count: lines } = part
  if (part.stage !== 'compute' || part.losses < SUSPICIOUS_LOSSES || lines < 2) return lines
  const size = Math.ceil(lines / SPLIT_PARTS)
  for (let at = size; at < lines; at += size) {
    const lineCount = Math.min(size, lines - at)
    await insertPart(queries, part.job_id, 'compute', {
      first_line: part.first_line + at,
      line_count: lineCount,
      start_byte: part.start_byte,
      skip_lines: part.skip_lines + at,
      losses: lossesAfterSplit(lineCount),
    })
  }
  return size
}

/** One more loss splits a part again; a single line is given all its chances before it is blamed. */
function lossesAfterSplit(lineCount: number): number {
  return lineCount === 1 ? 0 : SUSPICIOUS_LOSSES - 1
}

import { ApiError } from '@quiver/protocol'
import type { Job, NewJob } from '../../../jobs/job.js'
import { IDEMPOTENCY_KEPT_MS, type Idempotency, type JobStore, type SubmitOptions } from '../../../jobs/job-store.js'
import { usageOf } from '../file-index.js'
import { findJob, getJob } from './find-jobs.js'
import { toJobRow } from './job-row.js'
import { insertPart } from './parts.js'
import type { Queries, Transactions } from './transactions.js'

/** Keeping a job: once for each idempotency key, and within the limits of its lane. */
export function submitJobs({ transact, lockSubmissions }: Transactions): Pick<JobStore, 'submit'> {
  return {
    submit: (job, { idempotency, maxBytes, ...limits }) =>
      transact(async (transaction) => {
        await lockSubmissions(transaction, job.project)
        const kept = idempotency && (await findSubmitted(transaction, job, idempotency))
        if (kept !== undefined) return kept
        if (idempotency !== undefined) await keepKey(transaction, job, idempotency)
        await checkLane(transaction, job, limits)
        await checkRoom(transaction, job, maxBytes)
        await transaction.insertInto('jobs').values(toJobRow(job)).execute()
        await insertPart(transaction, job.id, 'plan')
        return getJob(transaction, job.id)
      }),
  }
}

/** @returns the job that was kept under this key, if both are still there and the key is not too old. @throws {ApiError} `idempotency_conflict` */
async function findSubmitted(
  queries: Queries,
  { project, kind, createdAt }: NewJob,
  { operation, key, fingerprint }: Idempotency,
): Promise<Job | undefined> {
  const earlier = await queries
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('project', '=', project)
    .where('operation', '=', operation)
    .where('key', '=', key)
    .where('created_at', '>', createdAt.getTime() - IDEMPOTENCY_KEPT_MS)
    .executeTakeFirst()
  if (earlier === undefined) return undefined
  if (earlier.fingerprint !== fingerprint) {
    throw new ApiError(
      'idempotency_conflict',
      'This Idempotency-Key was used with another request body before; use a new key for a new request.',
      { param: 'Idempotency-Key' },
    )
  }
  return findJob(queries, { project, kind, id: earlier.job_id })
}

/** A key that is too old, or whose job was forgotten, names the new one from now on. */
async function keepKey(
  queries: Queries,
  { id, project, createdAt }: NewJob,
  { operation, key, fingerprint }: Idempotency,
): Promise<void> {
  const names = { fingerprint, job_id: id, created_at: createdAt.getTime() }
  await queries
    .insertInto('idempotency_keys')
    .values({ project, operation, key, ...names })
    .onConflict((conflict) => conflict.columns(['project', 'operation', 'key']).doUpdateSet(names))
    .execute()
}

/** When it is worth asking again whether a job of a full lane has ended; SDKs wait as long as a minute for that. */
const FULL_RETRY_SECONDS = 30

/** @throws {ApiError} `rate_limited` */
async function checkLane(
  queries: Queries,
  { lane, createdAt }: Pick<Job, 'lane' | 'createdAt'>,
  { maxOpen, minIntervalMs }: Pick<SubmitOptions, 'maxOpen' | 'minIntervalMs'>,
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
      { retryAfterSeconds: FULL_RETRY_SECONDS },
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

/** @throws {ApiError} `file_quota_exceeded` */
async function checkRoom(queries: Queries, { project, createdAt }: NewJob, maxBytes: number): Promise<void> {
  const files = await usageOf(queries, project, createdAt)
  const { bytes } = await queries
    .selectFrom('jobs')
    .select(({ fn }) => fn.sum<number | null>('kept_bytes').as('bytes'))
    .where('project', '=', project)
    .where('purge_at', '>', createdAt.getTime())
    .executeTakeFirstOrThrow()
  const kept = files.bytes + Number(bytes ?? 0)
  if (kept < maxBytes) return
  throw new ApiError(
    'file_quota_exceeded',
    `Upload file capacity exceed limit. ${maxBytes} bytes may be kept, and files, inputs of open jobs and results have ${kept}; delete some, or wait for a job to end.`,
  )
}

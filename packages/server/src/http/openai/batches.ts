import { ApiError, openai } from '@quiver/protocol'
import type { FastifyRequest } from 'fastify'
import { EMBEDDINGS_ENDPOINT, MAX_OPEN_BATCHES, TEST_MODEL } from '../../catalog/batch.js'
import { checkUrl } from '../../egress/check-url.js'
import { type Job, type JobState, type Notice, progressOf } from '../../jobs/job.js'
import { callerOf } from '../caller-of.js'
import type { Endpoint } from '../endpoint.js'
import { idempotencyOf } from '../idempotency.js'
import { overlongOf } from '../overlong.js'
import { BatchOptions, CALLBACK_KEY } from './batch-options.js'

const COMMON = { dialect: 'openai', tag: 'OpenAI-compatible' } as const
/** How long a list looks back. */
const LISTED_MS = 30 * 24 * 3600 * 1000

/** States of a job in a batch's words. */
const STATUS: Readonly<Record<JobState, openai.BatchStatus>> = {
  queued: 'validating',
  planning: 'validating',
  computing: 'in_progress',
  finishing: 'finalizing',
  cancelling: 'cancelling',
  succeeded: 'completed',
  failed: 'failed',
  expired: 'expired',
  cancelled: 'cancelled',
}

const idOf = (request: FastifyRequest) => (request.params as { id: string }).id // the route's own parameter

export const createBatch: Endpoint = {
  ...COMMON,
  method: 'POST',
  paths: ['/compatible-mode/v1/batches', '/v1/batches'],
  summary: 'Compute the lines of an uploaded file, at half price',
  body: openai.BatchBody,
  response: openai.Batch,
  async handle({ services: { jobs, files, checkReachable }, request, body, signal }) {
    const { input_file_id: source, endpoint, completion_window, metadata } = openai.parseBatch(body)
    checkEndpoint(endpoint)
    const { project, keyId } = callerOf(request)
    if (/^https?:/i.test(source)) checkUrl(source, { param: 'input_file_id' })
    else await files.get(project, source)
    const callback = metadata?.[CALLBACK_KEY]
    if (callback !== undefined) await checkReachable(callback, { param: `metadata.${CALLBACK_KEY}`, signal })
    const isTest = endpoint === TEST_MODEL.endpoint
    const options: BatchOptions = {
      endpoint,
      completionWindow: completion_window,
      metadata: metadata ?? null,
      ...overlongOf(request.headers),
    }
    const job = await jobs.submit(
      {
        idPrefix: 'batch_',
        project,
        keyId,
        kind: 'batch',
        source,
        ...(metadata?.ds_name !== undefined && { name: metadata.ds_name }),
        options,
        lane: isTest
          ? { name: `batch-test ${project}`, limit: TEST_MODEL.maxRunning }
          : { name: `batch ${project}`, limit: MAX_OPEN_BATCHES },
        lifeMs: openai.windowMs(completion_window),
      },
      {
        maxOpen: MAX_OPEN_BATCHES,
        minIntervalMs: 0,
        maxBytes: files.limits.maxBytes,
        ...idempotencyOf(request, 'batch'),
      },
    )
    return toBatch(job, jobs.now())
  },
}

export const showBatch: Endpoint = {
  ...COMMON,
  method: 'GET',
  paths: ['/compatible-mode/v1/batches/:id', '/v1/batches/:id'],
  summary: 'Show one batch',
  response: openai.Batch,
  async handle({ services: { jobs }, request }) {
    const job = await jobs.find(callerOf(request).project, 'batch', idOf(request))
    if (job === undefined) throw noSuchBatch(idOf(request))
    return toBatch(job, jobs.now())
  },
}

export const cancelBatch: Endpoint = {
  ...COMMON,
  method: 'POST',
  paths: ['/compatible-mode/v1/batches/:id/cancel', '/v1/batches/:id/cancel'],
  summary: 'Cancel a batch; what is computed by then can be read',
  response: openai.Batch,
  async handle({ services: { jobs }, request }) {
    const own = { project: callerOf(request).project, kind: 'batch' as const, id: idOf(request) }
    const before = await jobs.find(own.project, own.kind, own.id)
    if (before === undefined) throw noSuchBatch(own.id)
    if (before.endedAt !== undefined) {
      throw new ApiError('unsupported_operation', `Cannot cancel a batch with status '${STATUS[before.state]}'.`, {
        param: 'batch_id',
      })
    }
    return toBatch((await jobs.cancel(own, { onlyQueued: false })) ?? before, jobs.now())
  },
}

export const listBatches: Endpoint = {
  ...COMMON,
  method: 'GET',
  paths: ['/compatible-mode/v1/batches', '/v1/batches'],
  summary: 'List the batches of the last 30 days, newest first',
  description:
    'Query: `after`, `limit`, `ds_name` (part of it), `input_file_ids` and `status` (several, with commas), `create_after`, `create_before`.',
  response: openai.BatchList,
  async handle({ services: { jobs }, request }) {
    const query = openai.parseBatchesQuery(request.query)
    const since = new Date(jobs.now().getTime() - LISTED_MS)
    const { createdAfter = since } = query
    const page = await jobs.list({
      project: callerOf(request).project,
      kind: 'batch',
      limit: query.limit + 1,
      createdFrom: createdAfter > since ? createdAfter : since,
      ...(query.createdBefore && { createdUntil: query.createdBefore }),
      ...(query.after !== undefined && { afterId: query.after }),
      ...(query.name !== undefined && { nameContains: query.name }),
      ...(query.inputFileIds && { sources: query.inputFileIds }),
      ...(query.statuses && { states: statesOf(query.statuses) }),
    })
    const shown = page.jobs.slice(0, query.limit).map((job) => toBatch(job, jobs.now()))
    return openai.encodeBatchList(shown, page.jobs.length > query.limit)
  },
}

function checkEndpoint(endpoint: string): void {
  const allowed = [EMBEDDINGS_ENDPOINT, TEST_MODEL.endpoint]
  if (allowed.includes(endpoint)) return
  throw new ApiError('invalid_parameter', `endpoint must be one of ${allowed.join(', ')}.`, { param: 'endpoint' })
}

function noSuchBatch(id: string): ApiError {
  return new ApiError('not_found', `No batch found with id '${id.slice(0, 100)}'.`, { param: 'batch_id' })
}

function statesOf(statuses: readonly openai.BatchStatus[]): JobState[] {
  return (Object.keys(STATUS) as JobState[]).filter((state) => statuses.includes(STATUS[state])) // the table's own keys
}

/** A job as OpenAI's SDKs know it. */
export function toBatch(job: Job, now: Date): openai.Batch {
  const { endpoint, completionWindow, metadata } = BatchOptions.parse(job.options)
  const { linesPerSecond, secondsLeft } = progressOf(job, now)
  const endedIn = (state: JobState) => (job.state === state ? toSeconds(job.endedAt) : null)
  return {
    id: job.id,
    object: 'batch',
    endpoint,
    model: job.model ?? null,
    errors: job.faults.length === 0 ? null : { object: 'list', data: job.faults.map(toFault) },
    input_file_id: job.source,
    completion_window: completionWindow,
    status: STATUS[job.state],
    output_file_id: job.results.output ?? null,
    error_file_id: job.results.errors ?? null,
    created_at: Math.floor(job.createdAt.getTime() / 1000),
    in_progress_at: toSeconds(job.plannedAt),
    expires_at: Math.floor(job.expiresAt.getTime() / 1000),
    finalizing_at: toSeconds(job.computedAt),
    completed_at: endedIn('succeeded'),
    failed_at: endedIn('failed'),
    expired_at: endedIn('expired'),
    cancelling_at: toSeconds(job.cancelAskedAt),
    cancelled_at: endedIn('cancelled'),
    request_counts: { total: job.totalLines ?? 0, completed: job.completedLines, failed: job.failedLines },
    metadata,
    usage: {
      input_tokens: job.tokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 0,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: job.tokens,
    },
    ...(metadata?.[CALLBACK_KEY] !== undefined && { callback: toCallback(job.notice) }),
    ...(job.spaces.length > 0 && { spaces: [...job.spaces] }),
    ...(linesPerSecond !== undefined && { lines_per_second: tenths(linesPerSecond) }),
    ...(secondsLeft !== undefined && { seconds_left: tenths(secondsLeft) }),
  }
}

/** States of the word of a job's end. */
const CALLBACK_STATUS = { waiting: 'pending', told: 'delivered', given_up: 'failed' } as const

function toCallback({ state, failures }: Notice = { state: 'waiting', failures: 0 }): openai.BatchCallback {
  return { status: CALLBACK_STATUS[state], failed_tries: failures }
}

const toFault = ({ code, message, param, line }: Job['faults'][number]) => ({
  code,
  message,
  param: param ?? null,
  line: line ?? null,
})

const toSeconds = (at: Date | undefined) => (at === undefined ? null : Math.floor(at.getTime() / 1000))
const tenths = (value: number) => Math.round(value * 10) / 10

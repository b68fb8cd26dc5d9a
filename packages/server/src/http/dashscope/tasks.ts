import { ApiError, dashscope } from '@quiver/protocol'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { checkUrl } from '../../egress/check-url.js'
import { findUserFile } from '../../files/resolve-user-url.js'
import { type Job, type JobState, progressOf } from '../../jobs/job.js'
import type { JobQuery } from '../../jobs/job-store.js'
import { baseUrlOf } from '../base-url.js'
import { callerOf } from '../caller-of.js'
import type { Endpoint, Exchange, Services } from '../endpoint.js'
import { idempotencyOf } from '../idempotency.js'
import { isOssAllowed } from '../oss-header.js'
import { overlongOf } from '../overlong.js'
import { TaskOptions } from './task-lines.js'

/** A task is computed within a day, and known for a day after its end. */
export const TASK_LIFE_MS = 24 * 3600 * 1000
/** The window of a list when none is asked for, and the longest. */
const LIST_WINDOW_MS = 24 * 3600 * 1000
const REGION = 'local'

/** States of a job in a task's words. */
const STATUS: Readonly<Record<JobState, dashscope.TaskStatus>> = {
  queued: 'PENDING',
  planning: 'RUNNING',
  computing: 'RUNNING',
  finishing: 'RUNNING',
  cancelling: 'RUNNING',
  succeeded: 'SUCCEEDED',
  failed: 'FAILED',
  expired: 'FAILED',
  cancelled: 'CANCELED',
}

const taskIdOf = (request: FastifyRequest): string => (request.params as { task_id: string }).task_id // the routes' own

export const task: Endpoint = {
  method: 'GET',
  paths: ['/api/v1/tasks/:task_id'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'Show a task',
  description:
    'A task that is not there, is older than a day or is not yours has the status `UNKNOWN`; that is no error.',
  response: dashscope.Task,
  async handle({ services, request, requestId }) {
    const id = taskIdOf(request)
    const { project } = callerOf(request)
    const job = await services.jobs.find(project, 'task', id)
    if (job === undefined) return dashscope.encodeUnknownTask(id, requestId)
    return dashscope.encodeTask(toView(job, services, request), requestId)
  },
}

export const cancelTask: Endpoint = {
  method: 'POST',
  paths: ['/api/v1/tasks/:task_id/cancel'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'Cancel a task that is still PENDING',
  response: dashscope.CanceledTask,
  async handle({ services, request, requestId }) {
    const { project } = callerOf(request)
    const own = { project, kind: 'task' as const, id: taskIdOf(request) }
    const before = await services.jobs.find(own.project, own.kind, own.id)
    const after = before && (await services.jobs.cancel(own, { onlyQueued: true }))
    if (before?.state !== 'queued' || after?.state !== 'cancelled') {
      throw new ApiError(
        'unsupported_operation',
        'Failed to cancel the task, please confirm if the task is in PENDING status.',
        { param: 'task_id' },
      )
    }
    return { request_id: requestId }
  },
}

const pageNumber = (least: number, most: number, absent: number) =>
  z.preprocess((text) => text || undefined, z.coerce.number().int().min(least).max(most).default(absent))
const text = z.preprocess((given) => given || undefined, z.string().max(200).optional())
const ListQuery = z.object({
  page_no: pageNumber(1, 1_000_000, 1),
  page_size: pageNumber(1, 100, 10),
  task_id: text,
  start_time: text,
  end_time: text,
  model_name: text,
  api_key_id: text,
  region: text,
  status: text,
})

export const tasks: Endpoint = {
  method: 'GET',
  paths: ['/api/v1/tasks'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'List tasks, newest first',
  description:
    'Query: `page_no`, `page_size`, `task_id`, `start_time`, `end_time` (`YYYYMMDDhhmmss`, UTC+8, or Unix milliseconds; at most a day apart, the last day if absent), `model_name`, `api_key_id`, `region`, `status`.',
  response: dashscope.TaskList,
  async handle({ services, request, requestId }) {
    const parsed = ListQuery.safeParse(request.query)
    if (!parsed.success) throw badQuery(parsed.error)
    const { page_no: pageNo, page_size: pageSize, ...filters } = parsed.data
    const query = toQuery(filters, services.jobs.now())
    const { project } = callerOf(request)
    const isElsewhere = filters.region !== undefined && filters.region !== REGION
    const { jobs, total } = isElsewhere
      ? { jobs: [], total: 0 }
      : await services.jobs.list({
          ...query,
          project,
          kind: 'task',
          limit: pageSize,
          offset: (pageNo - 1) * pageSize,
        })
    const views = jobs.map((job) => toView(job, services, request))
    return dashscope.encodeTaskList(views, { requestId, total, pageNo, pageSize, region: REGION })
  },
}

function badQuery(error: z.ZodError): ApiError {
  const [issue] = error.issues
  const param = String(issue?.path[0] ?? '')
  return new ApiError('invalid_parameter', `Parameter "${param}" is invalid: ${issue?.message ?? ''}.`, { param })
}

type ListFilters = Omit<z.output<typeof ListQuery>, 'page_no' | 'page_size'>

/** @throws {ApiError} `invalid_parameter` for a time or status that is none, or a window of more than a day. */
function toQuery(filters: ListFilters, now: Date): Partial<JobQuery> {
  const { task_id, model_name, api_key_id, status, start_time, end_time } = filters
  const until = end_time === undefined ? undefined : dashscope.parseChinaTime(end_time, 'end_time')
  const from =
    start_time === undefined
      ? new Date((until ?? now).getTime() - LIST_WINDOW_MS)
      : dashscope.parseChinaTime(start_time, 'start_time')
  const end = until ?? (start_time === undefined ? undefined : new Date(from.getTime() + LIST_WINDOW_MS))
  if (end !== undefined && end.getTime() - from.getTime() > LIST_WINDOW_MS) {
    throw new ApiError('invalid_parameter', 'start_time and end_time may be 24 hours apart at most.', {
      param: 'start_time',
    })
  }
  return {
    createdFrom: from,
    ...(end && { createdUntil: end }),
    ...(task_id !== undefined && { id: task_id }),
    ...(model_name !== undefined && { model: model_name }),
    ...(api_key_id !== undefined && { keyId: api_key_id }),
    ...(status !== undefined && { states: statesOf(status) }),
  }
}

function statesOf(status: string): JobState[] {
  if (!dashscope.TaskStatus.safeParse(status).success) {
    const allowed = dashscope.TASK_STATUSES.join(', ')
    throw new ApiError('invalid_parameter', `Parameter "status" must be one of ${allowed}.`, { param: 'status' })
  }
  return (Object.keys(STATUS) as JobState[]).filter((state) => STATUS[state] === status) // the table's own keys
}

function toView(job: Job, { signer, publicUrl, jobs }: Services, request: FastifyRequest): dashscope.TaskView {
  const [fault] = job.faults
  const { output } = job.results
  const isExpired = job.state === 'expired'
  return {
    id: job.id,
    status: STATUS[job.state],
    model: job.model ?? '',
    keyId: job.keyId,
    requestId: TaskOptions.parse(job.options).requestId,
    submittedAt: job.createdAt,
    ...(job.startedAt && { scheduledAt: job.startedAt }),
    ...(job.endedAt && { endedAt: job.endedAt }),
    ...(output !== undefined && { url: signer.signUrl(output, job.purgeAt, baseUrlOf(request, publicUrl)) }),
    ...(fault && { fault: { code: fault.code, message: fault.message } }),
    ...(isExpired && { fault: { code: 'RequestTimeOut', message: 'The task was not computed within a day.' } }),
    totalTokens: job.tokens,
    spaces: job.spaces,
    progress: progressOf(job, jobs.now()),
  }
}

/** Submit a task: the asynchronous side of the embedding endpoint. */
export async function submitTask(exchange: Exchange): Promise<dashscope.SubmittedTask> {
  const { services, request, body, requestId } = exchange
  const model = services.catalog.get(dashscope.parseTaskModel(body))
  if (model.asynchronous === undefined) {
    throw new ApiError('access_denied', 'current user api does not support asynchronous calls.', { param: 'model' })
  }
  const parsed = dashscope.parseTextEmbeddingTask(body)
  const { url } = parsed.input
  const caller = callerOf(request)
  const options: TaskOptions = {
    textType: dashscope.textTypeOf(parsed),
    requestId,
    isOssAllowed: isOssAllowed(request.headers),
    ...overlongOf(request.headers),
  }
  const wanted = { project: caller.project, model: model.id, isOssAllowed: options.isOssAllowed, param: 'input.url' }
  // Of what the network has only the words can be looked at here.
  if ((await findUserFile(services.files, url, wanted)) === undefined) checkUrl(url, wanted)
  const { maxRunning, maxOpen, submitsPerSecond } = model.asynchronous
  const job = await services.jobs.submit(
    {
      project: caller.project,
      keyId: caller.keyId,
      kind: 'task',
      model: model.id,
      source: url,
      options,
      lane: { name: `task ${caller.project}`, limit: maxRunning },
      lifeMs: TASK_LIFE_MS,
    },
    {
      maxOpen,
      minIntervalMs: 1000 / submitsPerSecond,
      maxBytes: services.files.limits.maxBytes,
      ...idempotencyOf(request, 'task'),
    },
  )
  return { output: { task_status: STATUS[job.state], task_id: job.id }, request_id: requestId }
}

import { z } from 'zod'
import type { TextType } from '../embed-request.js'
import type { EmbedResult } from '../embed-result.js'
import { type ApiError, messageOf, statusOf } from '../errors.js'
import type { OnWire } from '../on-wire.js'
import { type DescribeIssue, parseWith } from '../parse.js'
import { toChinaTime } from './china-time.js'
import { Parameters } from './text-embedding.js'

/** `SUSPENDED` is in the SDKs too; nothing here is ever suspended. */
export const TASK_STATUSES = ['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'UNKNOWN'] as const
export const TaskStatus = z.enum(TASK_STATUSES)
export type TaskStatus = z.output<typeof TaskStatus>

/** Body of an embedding request with `X-DashScope-Async: enable`. */
export const TextEmbeddingTaskBody = z.object({
  model: z.string().min(1).describe('Public model id of a model for tasks.'),
  input: z.object({
    url: z
      .string()
      .min(1)
      .max(8192)
      .describe('Text file, one text a line: `http(s)://…`, `oss://…` of an upload, or the id of an uploaded file.'),
  }),
  parameters: Parameters.nullish(),
})
export type TextEmbeddingTaskBody = z.output<typeof TextEmbeddingTaskBody>

/** @throws {ApiError} naming the first field that is missing or of the wrong type. */
export function parseTextEmbeddingTask(body: unknown): TextEmbeddingTaskBody {
  return parseWith(TextEmbeddingTaskBody, body, describeMistake)
}

/** The model alone: one that takes no tasks is refused whatever the rest of the body is. @throws {ApiError} likewise. */
export function parseTaskModel(body: unknown): string {
  return parseWith(TextEmbeddingTaskBody.pick({ model: true }), body, describeMistake).model
}

const describeMistake: DescribeIssue = (issue, path) => {
  if (path === '') {
    return { row: 'invalid_body', message: 'Required body invalid, please check the request body format.' }
  }
  if (path === 'model') {
    return { row: 'missing_model', message: 'Required parameter "model" missing from request.' }
  }
  if (path === 'input' && issue.code === 'invalid_type') {
    return { row: 'missing_input', message: 'Required input parameter missing from request.' }
  }
  if (path === 'input.url') {
    return {
      row: 'invalid_url',
      message: 'Required URL is missing or invalid, please check the request URL: input.url.',
    }
  }
  return undefined
}

/** What one line of the file shall be. */
export function textTypeOf({ parameters }: TextEmbeddingTaskBody): TextType {
  const own = parameters ?? {}
  return own.text_type ?? own.parameters?.text_type ?? own.kwargs?.text_type ?? 'document'
}

/** Answer of a submission. */
export const SubmittedTask = z.object({
  output: z.object({ task_status: TaskStatus, task_id: z.string() }),
  request_id: z.string(),
})
export type SubmittedTask = z.output<typeof SubmittedTask>

const TaskMetrics = z.object({ TOTAL: z.int(), SUCCEEDED: z.int(), FAILED: z.int() }).describe('In lines.')

/** Answer of `GET /api/v1/tasks/{task_id}`. `output` and its two first fields are always there; Java reads them unasked. */
export const Task = z.object({
  request_id: z.string(),
  output: z.object({
    task_id: z.string(),
    task_status: TaskStatus,
    submit_time: z.string().optional().describe('`YYYY-MM-DD HH:mm:ss.SSS`, UTC+8; so all times here.'),
    scheduled_time: z.string().optional(),
    end_time: z.string().optional(),
    url: z.string().optional().describe('The result, gzip of JSON lines; needs no key, and ends with the task.'),
    code: z.string().optional(),
    message: z.string().optional(),
    task_metrics: TaskMetrics.optional(),
    spaces: z
      .array(z.string())
      .optional()
      .describe('The vector space of the results, as `x-quiver-space` names it; from the first of them on.'),
    lines_per_second: z.number().optional(),
    seconds_left: z.number().optional(),
  }),
  usage: z.object({ total_tokens: z.int() }).optional(),
})
export type Task = z.output<typeof Task>

/** A task as the server knows it. */
export interface TaskView {
  id: string
  status: TaskStatus
  model: string
  keyId: string
  requestId: string
  submittedAt: Date
  scheduledAt?: Date
  endedAt?: Date
  url?: string
  fault?: { code: string; message: string }
  totalTokens: number
  /** Empty until something is computed. */
  spaces: readonly string[]
  progress: { completed: number; failed: number; total?: number; linesPerSecond?: number; secondsLeft?: number }
}

export function encodeTask(task: TaskView, requestId: string): Task {
  const { linesPerSecond, secondsLeft } = task.progress
  return {
    request_id: requestId,
    output: {
      task_id: task.id,
      task_status: task.status,
      submit_time: toChinaTime(task.submittedAt),
      ...(task.scheduledAt && { scheduled_time: toChinaTime(task.scheduledAt) }),
      ...(task.endedAt && { end_time: toChinaTime(task.endedAt) }),
      ...(task.url !== undefined && { url: task.url }),
      ...task.fault,
      ...encodeMetrics(task),
      ...(task.spaces.length > 0 && { spaces: [...task.spaces] }),
      ...(linesPerSecond !== undefined && { lines_per_second: round(linesPerSecond) }),
      ...(secondsLeft !== undefined && { seconds_left: round(secondsLeft) }),
    },
    // What a task came to that failed is charged, so it is told; one without a result has cost nothing.
    ...((task.status === 'SUCCEEDED' || task.url !== undefined) && { usage: { total_tokens: task.totalTokens } }),
  }
}

/** Absent until the file was read. */
function encodeMetrics({ progress: { total, completed, failed } }: TaskView): Pick<Task['output'], 'task_metrics'> {
  return total === undefined ? {} : { task_metrics: { TOTAL: total, SUCCEEDED: completed, FAILED: failed } }
}

/** A task that is not there, has expired, or is somebody else's: an answer, not an error, or the SDKs' `wait` breaks. */
export function encodeUnknownTask(id: string, requestId: string): Task {
  return { request_id: requestId, output: { task_id: id, task_status: 'UNKNOWN' } }
}

const ListedTask = z.object({
  api_key_id: z.string(),
  caller_parent_id: z.string(),
  caller_uid: z.string(),
  gmt_create: z.int().describe('Unix milliseconds, as the other times here.'),
  start_time: z.int().optional(),
  end_time: z.int().optional(),
  model_name: z.string(),
  region: z.string(),
  request_id: z.string(),
  status: TaskStatus,
  task_id: z.string(),
  task_metrics: TaskMetrics.optional(),
  user_api_unique_key: z.string(),
})

/** Answer of `GET /api/v1/tasks/`. Flat: Java reads no list that has an `output` beside it. */
export const TaskList = z.object({
  request_id: z.string(),
  data: z.array(ListedTask),
  tasks: z.array(ListedTask).describe("The same; the Python SDK's newer client looks here."),
  total: z.int(),
  total_page: z.int(),
  page_no: z.int(),
  page_size: z.int(),
})
export type TaskList = z.output<typeof TaskList>

export function encodeTaskList(
  tasks: readonly TaskView[],
  page: { requestId: string; total: number; pageNo: number; pageSize: number; region: string },
): TaskList {
  const data = tasks.map((task) => ({
    api_key_id: task.keyId,
    caller_parent_id: '0',
    caller_uid: '0',
    gmt_create: task.submittedAt.getTime(),
    ...(task.scheduledAt && { start_time: task.scheduledAt.getTime() }),
    ...(task.endedAt && { end_time: task.endedAt.getTime() }),
    model_name: task.model,
    region: page.region,
    request_id: task.requestId,
    status: task.status,
    task_id: task.id,
    ...encodeMetrics(task),
    user_api_unique_key: `apikey:v1:embeddings:text-embedding:text-embedding:${task.model}`,
  }))
  return {
    request_id: page.requestId,
    data,
    tasks: data,
    total: page.total,
    total_page: Math.ceil(page.total / page.pageSize),
    page_no: page.pageNo,
    page_size: page.pageSize,
  }
}

/** Answer of a cancellation: nothing but the request id. */
export const CanceledTask = z.object({ request_id: z.string() })

/** One line of a result file. A blank line has neither vector nor tokens. */
export const TaskLine = z.object({
  output: z.object({
    code: z.int(),
    text_index: z.int().describe('Line of the input, from 0.'),
    embedding: z.array(z.number()).optional(),
    message: z.string().optional(),
  }),
  usage: z.object({ total_tokens: z.int() }),
})
export type TaskLine = z.output<typeof TaskLine>

/** @param outcome absent for a blank line. */
export function encodeTaskLine(textIndex: number, outcome?: EmbedResult | ApiError): OnWire<TaskLine> {
  if (outcome === undefined) return { output: { code: 200, text_index: textIndex }, usage: { total_tokens: 0 } }
  if (outcome instanceof Error) {
    const output = {
      code: statusOf(outcome, 'dashscope'),
      text_index: textIndex,
      message: messageOf(outcome, 'dashscope'),
    }
    return { output, usage: { total_tokens: 0 } }
  }
  const [embedding] = outcome.embeddings
  return {
    output: { code: 200, embedding: embedding?.dense ?? new Float32Array(0), text_index: textIndex },
    usage: { total_tokens: outcome.totalTokens },
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

import { type Call, type CallOptions, waitFor } from './call.js'
import { openScope } from './call-scope.js'
import type { Transport } from './transport.js'

export type TaskStatus = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'UNKNOWN'

export interface Task {
  id: string
  status: TaskStatus
  /** Of the result, gzip of JSON lines; needs no key. */
  url?: string
  /** Why it failed. */
  fault?: { code: string; message: string }
  /** Known once the file was read. */
  lines?: { total: number; succeeded: number; failed: number }
  /** The vector space of the results, from the first of them on; compare vectors only where it is equal. */
  spaces?: readonly string[]
  linesPerSecond?: number
  secondsLeft?: number
  totalTokens?: number
}

export interface NewTask {
  /** `http(s)://…`, `oss://…`, or the id of a file. */
  url: string
  /** Default `text-embedding-async-v2`. */
  model?: string
  /** Default `document`. */
  textType?: 'query' | 'document'
  /** Makes the submission repeatable. */
  idempotencyKey?: string
}

/** A task in a list. */
export interface ListedTask extends Pick<Task, 'id' | 'status' | 'lines'> {
  model: string
  createdAt: Date
}

interface LinesJson {
  TOTAL: number
  SUCCEEDED: number
  FAILED: number
}

/** docs/api/tasks.md */
interface TaskJson {
  output: {
    task_id: string
    task_status: TaskStatus
    url?: string
    code?: string
    message?: string
    task_metrics?: LinesJson
    spaces?: string[]
    lines_per_second?: number
    seconds_left?: number
  }
  usage?: { total_tokens: number }
}

const SUBMIT = '/api/v1/services/embeddings/text-embedding/text-embedding'
const PATH = '/api/v1/tasks'
const RUNNING: readonly TaskStatus[] = ['PENDING', 'RUNNING']

export class Tasks {
  readonly #transport: Transport
  readonly #call: Call

  constructor(transport: Transport, call: Call) {
    this.#transport = transport
    this.#call = call
  }

  /** @throws {QuiverError} */
  async submit(task: NewTask, options: CallOptions = {}): Promise<Task> {
    const { url, model = 'text-embedding-async-v2', textType = 'document', idempotencyKey } = task
    const headers = {
      'x-dashscope-async': 'enable',
      ...(url.startsWith('oss://') && { 'x-dashscope-ossresourceresolve': 'enable' }),
      // Without one a repeated attempt, whose first answer was lost, would be a second task.
      'idempotency-key': idempotencyKey ?? globalThis.crypto.randomUUID(),
    }
    const body = { model, input: { url }, parameters: { text_type: textType } }
    return toTask((await this.#call({ path: SUBMIT, headers, body }, options)).json)
  }

  /** A task that is not there has the status `UNKNOWN`. @throws {QuiverError} */
  async get(id: string, options: CallOptions = {}): Promise<Task> {
    return toTask((await this.#call({ path: `${PATH}/${encodeURIComponent(id)}` }, options)).json)
  }

  /** The newest of the last day. @throws {QuiverError} */
  async list({
    limit = 20,
    status,
    ...options
  }: CallOptions & { limit?: number; status?: TaskStatus } = {}): Promise<ListedTask[]> {
    const query = new URLSearchParams({ page_no: '1', page_size: String(limit), ...(status && { status }) })
    const { json } = await this.#call({ path: `${PATH}?${query}` }, options)
    const { data } = json as {
      data: {
        task_id: string
        status: TaskStatus
        model_name: string
        gmt_create: number
        task_metrics?: LinesJson
      }[] // docs/api/tasks.md
    }
    return data.map(({ task_id: id, status, model_name: model, gmt_create: at, task_metrics }) => ({
      id,
      status,
      model,
      createdAt: new Date(at),
      ...toLines(task_metrics),
    }))
  }

  /** @throws {QuiverError} `UnsupportedOperation` for a task that is not PENDING. */
  async cancel(id: string, options: CallOptions = {}): Promise<void> {
    await this.#call({ path: `${PATH}/${encodeURIComponent(id)}/cancel`, method: 'POST' }, options)
  }

  /** Until it is neither PENDING nor RUNNING. @throws {QuiverError} */
  wait(
    id: string,
    { onProgress, signal }: { onProgress?: (task: Task) => void; signal?: AbortSignal } = {},
  ): Promise<Task> {
    const hasEnded = ({ status }: Task) => !RUNNING.includes(status)
    return waitFor(() => this.get(id, signal ? { signal } : {}), { hasEnded, onProgress, signal })
  }

  /** The bytes of a result, gzip of JSON lines, as they come. @throws {QuiverError} */
  async read(task: Task, options: { signal?: AbortSignal } = {}): Promise<ReadableStream<Uint8Array>> {
    if (task.url === undefined) throw new TypeError(`a task that is ${task.status} has no result.`)
    return this.#transport.open(task.url, openScope(options).signal)
  }
}

function toTask(json: unknown): Task {
  const { output, usage } = json as TaskJson // docs/api/tasks.md
  const { task_metrics, code, message = '' } = output
  return {
    id: output.task_id,
    status: output.task_status,
    ...(output.url !== undefined && { url: output.url }),
    ...(code !== undefined && { fault: { code, message } }),
    ...toLines(task_metrics),
    ...(output.spaces && { spaces: output.spaces }),
    ...(output.lines_per_second !== undefined && { linesPerSecond: output.lines_per_second }),
    ...(output.seconds_left !== undefined && { secondsLeft: output.seconds_left }),
    ...(usage && { totalTokens: usage.total_tokens }),
  }
}

function toLines(json: LinesJson | undefined): Pick<Task, 'lines'> {
  return json ? { lines: { total: json.TOTAL, succeeded: json.SUCCEEDED, failed: json.FAILED } } : {}
}

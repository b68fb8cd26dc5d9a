import { type Call, type CallOptions, waitFor } from './call.js'

export type BatchStatus =
  | 'validating'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'failed'
  | 'expired'
  | 'cancelling'
  | 'cancelled'

export interface Batch {
  id: string
  status: BatchStatus
  inputFileId: string
  outputFileId: string | undefined
  errorFileId: string | undefined
  createdAt: Date
  lines: { total: number; completed: number; failed: number }
  /** Of the lines computed so far. */
  totalTokens?: number
  /** How far the word of its end is, where one was asked for. */
  callback?: { status: 'pending' | 'delivered' | 'failed'; failedTries: number }
  /** Why it failed. */
  faults: { code: string; message: string; line: number | undefined }[]
  /** Vector spaces of the results so far: one for each dimension and length that lines ask for. */
  spaces?: readonly string[]
  linesPerSecond?: number
  secondsLeft?: number
}

export interface NewBatch {
  inputFileId: string
  /** Default `/v1/embeddings`. */
  endpoint?: string
  /** `24h` (default) to `336h`, or in days. */
  completionWindow?: string
  metadata?: Record<string, string>
  /** Makes the creation repeatable. */
  idempotencyKey?: string
}

/** docs/api/batches.md */
interface BatchJson {
  id: string
  status: BatchStatus
  input_file_id: string
  output_file_id: string | null
  error_file_id: string | null
  created_at: number
  request_counts: Batch['lines']
  errors: { data: { code: string; message: string; line: number | null }[] } | null
  usage?: { total_tokens: number }
  callback?: { status: 'pending' | 'delivered' | 'failed'; failed_tries: number }
  spaces?: string[]
  lines_per_second?: number
  seconds_left?: number
}

const PATH = '/v1/batches'
const ENDED: readonly BatchStatus[] = ['completed', 'failed', 'expired', 'cancelled']

export class Batches {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** @throws {QuiverError} */
  async create(batch: NewBatch, options: CallOptions = {}): Promise<Batch> {
    const { inputFileId, endpoint = '/v1/embeddings', completionWindow = '24h', metadata, idempotencyKey } = batch
    // Without a key a repeated attempt, whose first answer was lost, would be a second batch.
    const headers = { 'idempotency-key': idempotencyKey ?? globalThis.crypto.randomUUID() }
    const body = {
      input_file_id: inputFileId,
      endpoint,
      completion_window: completionWindow,
      ...(metadata && { metadata }),
    }
    return toBatch((await this.#call({ path: PATH, headers, body }, options)).json)
  }

  /** @throws {QuiverError} `not_found` */
  async get(id: string, options: CallOptions = {}): Promise<Batch> {
    return toBatch((await this.#call({ path: `${PATH}/${encodeURIComponent(id)}` }, options)).json)
  }

  /** The newest of the last 30 days. @throws {QuiverError} */
  async list({
    limit = 20,
    statuses,
    ...options
  }: CallOptions & { limit?: number; statuses?: readonly BatchStatus[] } = {}): Promise<Batch[]> {
    const query = new URLSearchParams({ limit: String(limit), ...(statuses && { status: statuses.join(',') }) })
    const { json } = await this.#call({ path: `${PATH}?${query}` }, options)
    return (json as { data: unknown[] }).data.map(toBatch) // docs/api/batches.md
  }

  /** What is computed by then can be read. @throws {QuiverError} `unsupported_operation` for one that has ended. */
  async cancel(id: string, options: CallOptions = {}): Promise<Batch> {
    return toBatch(
      (await this.#call({ path: `${PATH}/${encodeURIComponent(id)}/cancel`, method: 'POST' }, options)).json,
    )
  }

  /** Until it has ended, however. @throws {QuiverError} */
  wait(
    id: string,
    { onProgress, signal }: { onProgress?: (batch: Batch) => void; signal?: AbortSignal } = {},
  ): Promise<Batch> {
    const hasEnded = ({ status }: Batch) => ENDED.includes(status)
    return waitFor(() => this.get(id, signal ? { signal } : {}), { hasEnded, onProgress, signal })
  }
}

function toBatch(json: unknown): Batch {
  const batch = json as BatchJson // docs/api/batches.md
  const { usage, callback } = batch
  return {
    id: batch.id,
    status: batch.status,
    inputFileId: batch.input_file_id,
    outputFileId: batch.output_file_id ?? undefined,
    errorFileId: batch.error_file_id ?? undefined,
    createdAt: new Date(batch.created_at * 1000),
    lines: batch.request_counts,
    ...(usage && { totalTokens: usage.total_tokens }),
    ...(callback && { callback: { status: callback.status, failedTries: callback.failed_tries } }),
    faults: (batch.errors?.data ?? []).map(({ code, message, line }) => ({ code, message, line: line ?? undefined })),
    ...(batch.spaces && { spaces: batch.spaces }),
    ...(batch.lines_per_second !== undefined && { linesPerSecond: batch.lines_per_second }),
    ...(batch.seconds_left !== undefined && { secondsLeft: batch.seconds_left }),
  }
}

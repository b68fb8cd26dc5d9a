import { z } from 'zod'
import { type ApiError, ERRORS, messageOf } from '../errors.js'
import type { OnWire } from '../on-wire.js'
import { parseWith } from '../parse.js'
import type { EmbeddingsResponse } from './embeddings.js'
import { Instant } from './files.js'

const HOUR_MS = 3600 * 1000

export const BATCH_STATUSES = [
  'validating',
  'in_progress',
  'finalizing',
  'completed',
  'failed',
  'expired',
  'cancelling',
  'cancelled',
] as const
export const BatchStatus = z.enum(BATCH_STATUSES)
export type BatchStatus = z.output<typeof BatchStatus>

const Metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((metadata) => Object.keys(metadata).length <= 16, 'may have 16 entries')
  .refine(({ ds_name }) => [...(ds_name ?? '')].length <= 100, 'ds_name may have 100 characters')
  .refine(({ ds_description }) => [...(ds_description ?? '')].length <= 200, 'ds_description may have 200 characters')

/** Body of `POST /compatible-mode/v1/batches`. */
export const BatchBody = z.object({
  input_file_id: z.string().min(1).max(8192).describe('Id of a file of purpose `batch`, or its URL.'),
  endpoint: z.string().describe('`/v1/embeddings`; `/v1/chat/ds-test` with `batch-test-model`.'),
  completion_window: z
    .string()
    .regex(/^\d{1,4}[hd]$/, 'must be a whole number with h or d')
    .refine(
      (text) => windowMs(text) >= 24 * HOUR_MS && windowMs(text) <= 336 * HOUR_MS,
      'must be from 24h to 336h (1d to 14d)',
    )
    .describe('How long the batch may take: `24h` to `336h`, or in days, `1d` to `14d`.'),
  metadata: Metadata.nullish().describe(
    'Up to 16 texts of your own. `ds_name` and `ds_description` are shown; `ds_batch_finish_callback` is a URL that is told of the end.',
  ),
})
export type BatchBody = z.output<typeof BatchBody>

/** @throws {ApiError} naming the first field that is missing or wrong. */
export function parseBatch(body: unknown): BatchBody {
  return parseWith(BatchBody, body)
}

/** `24h` or `14d` in milliseconds. */
export function windowMs(window: string): number {
  return Number.parseInt(window, 10) * (window.endsWith('d') ? 24 : 1) * HOUR_MS
}

const seconds = z.int().nullable().describe('Unix seconds.')
const BatchFault = z.object({
  code: z.string(),
  message: z.string(),
  param: z.string().nullable(),
  line: z.int().nullable(),
})

const BatchUsage = z
  .object({
    input_tokens: z.int(),
    input_tokens_details: z.object({ cached_tokens: z.int() }),
    output_tokens: z.int(),
    output_tokens_details: z.object({ reasoning_tokens: z.int() }),
    total_tokens: z.int(),
  })
  .describe('Of the lines computed so far. Vectors are no tokens, so those of the output are 0.')

const BatchCallback = z.object({
  status: z.enum(['pending', 'delivered', 'failed']),
  failed_tries: z.int(),
})
export type BatchCallback = z.output<typeof BatchCallback>

export const Batch = z.object({
  id: z.string(),
  object: z.literal('batch'),
  endpoint: z.string(),
  model: z.string().nullable().describe('Known once the file was read.'),
  errors: z.object({ object: z.literal('list'), data: z.array(BatchFault) }).nullable(),
  input_file_id: z.string(),
  completion_window: z.string(),
  status: BatchStatus,
  output_file_id: z.string().nullable(),
  error_file_id: z.string().nullable(),
  created_at: z.int(),
  in_progress_at: seconds,
  expires_at: z.int(),
  finalizing_at: seconds,
  completed_at: seconds,
  failed_at: seconds,
  expired_at: seconds,
  cancelling_at: seconds,
  cancelled_at: seconds,
  request_counts: z.object({ total: z.int(), completed: z.int(), failed: z.int() }),
  metadata: z.record(z.string(), z.string()).nullable(),
  usage: BatchUsage,
  callback: BatchCallback.optional().describe(
    'How far the word of its end is, where `ds_batch_finish_callback` asks for one; `failed` after 24 hours.',
  ),
  spaces: z
    .array(z.string())
    .optional()
    .describe(
      'Vector spaces of the results so far, as `x-quiver-space` names them: one for each dimension and length that lines ask for.',
    ),
  lines_per_second: z.number().optional(),
  seconds_left: z.number().optional(),
})
export type Batch = z.output<typeof Batch>

export const BatchList = z.object({
  object: z.literal('list'),
  data: z.array(Batch),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
})
export type BatchList = z.output<typeof BatchList>

export function encodeBatchList(data: Batch[], hasMore: boolean): BatchList {
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: hasMore }
}

/** One line of an input file. Its `body` is looked at when the line is computed. */
export const BatchLine = z.object({
  custom_id: z.string().min(1).max(512),
  method: z.literal('POST'),
  url: z.string(),
  body: z.looseObject({ model: z.string().min(1) }),
})
export type BatchLine = z.output<typeof BatchLine>

interface LineIds {
  /** Of this line of the result. */
  id: string
  customId: string
}

/** A line of the output file. */
export function encodeBatchOutput(
  { id, customId }: LineIds,
  body: OnWire<EmbeddingsResponse> | Readonly<Record<string, unknown>>,
): object {
  return { id, custom_id: customId, response: { status_code: 200, request_id: id, body }, error: null }
}

/** A line of the error file: what the endpoint would have answered, or that it was never asked. */
export function encodeBatchError(
  { id, customId }: LineIds,
  failure: { error: ApiError; status: number; body: object } | { code: string; message: string },
): object {
  if ('code' in failure) return { id, custom_id: customId, response: null, error: failure }
  const { error, status, body } = failure
  return {
    id,
    custom_id: customId,
    response: { status_code: status, request_id: id, body },
    error: { code: ERRORS[error.row][3], message: messageOf(error, 'openai') },
  }
}

const commas = z.preprocess(
  (text) => (typeof text === 'string' ? text.split(',').filter((part) => part !== '') : text),
  z.array(z.string()).optional(),
)
const BatchesQuery = z.object({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  ds_name: z.string().optional(),
  input_file_ids: commas.refine((ids) => (ids?.length ?? 0) <= 20, 'may name 20 files'),
  status: commas.pipe(z.array(BatchStatus).optional()),
  create_after: Instant.optional(),
  create_before: Instant.optional(),
})

/** Query of `GET …/batches`; unknown parameters are ignored. @throws {ApiError} naming the parameter. */
export function parseBatchesQuery(query: unknown) {
  const parsed = parseWith(BatchesQuery, query)
  return {
    after: parsed.after,
    limit: parsed.limit,
    name: parsed.ds_name,
    inputFileIds: parsed.input_file_ids,
    statuses: parsed.status,
    createdAfter: parsed.create_after,
    createdBefore: parsed.create_before,
  }
}

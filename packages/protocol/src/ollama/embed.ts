import { z } from 'zod'
import type { EmbedRequest } from '../embed-request.js'
import type { EmbedResult } from '../embed-result.js'
import { ApiError } from '../errors.js'
import { Texts } from '../list-of.js'
import type { OnWire } from '../on-wire.js'
import { parseWith } from '../parse.js'
import { modelIdOf } from './model-name.js'

/** Texts in one request. Ollama documents no limit, and its clients send all they have in one. */
export const MAX_INPUTS = 1_000

const Model = z.string().min(1).describe('Public model id; `:latest` behind it is accepted.')
const Ignored = {
  options: z.object({}).nullish().describe('Accepted and ignored.'),
  keep_alive: z.union([z.string(), z.number()]).nullish().describe('Accepted and ignored: models stay loaded.'),
}

/** Body of `POST /api/embed` (docs/openapi.yaml, `EmbedRequest`; server/routes.go, `EmbedHandler`). */
export const EmbedBody = z.object({
  model: Model,
  input: Texts.nullish().describe('A text or a list of texts. None: no vectors.'),
  truncate: z
    .boolean()
    .nullish()
    .describe('Whether a text that is too long loses its end; `false`: it is an error. Default `true`.'),
  dimensions: z
    .int()
    .nullish()
    .describe("Components of each vector; the model lists what it offers. 0: the model's default."),
  ...Ignored,
})
export type EmbedBody = z.output<typeof EmbedBody>

/** Durations in nanoseconds. */
export const EmbedResponse = z.object({
  model: z.string(),
  embeddings: z.array(z.array(z.number())),
  total_duration: z.int(),
  load_duration: z.int(),
  prompt_eval_count: z.int(),
})
export type EmbedResponse = z.output<typeof EmbedResponse>

/** Body of the older `POST /api/embeddings`. */
export const EmbeddingsBody = z.object({
  model: Model,
  prompt: z.string().nullish().describe('A text. None: no vector.'),
  ...Ignored,
})
export type EmbeddingsBody = z.output<typeof EmbeddingsBody>

export const EmbeddingsResponse = z.object({ embedding: z.array(z.number()) })
export type EmbeddingsResponse = z.output<typeof EmbeddingsResponse>

/** @throws {ApiError} naming the first field that is missing or of the wrong type. */
export function parseEmbed(body: unknown): EmbedBody {
  return parse(EmbedBody, body)
}

/** @throws {ApiError} naming the first field that is missing or of the wrong type. */
export function parseEmbeddings(body: unknown): EmbeddingsBody {
  return parse(EmbeddingsBody, body)
}

/** Wire → neutral; no inputs mean that no vectors are wanted, which is no error here. */
export function decodeEmbed(body: EmbedBody): EmbedRequest {
  const { input } = body
  return {
    ...neutral(body.model, (typeof input === 'string' ? [input].filter(Boolean) : input) ?? []),
    overlong: body.truncate === false ? 'error' : 'truncate',
    ...(body.dimensions ? { dimension: body.dimensions } : {}),
    fields: { inputs: 'input', dimension: 'dimensions' },
  }
}

/** Wire → neutral; this endpoint never cuts. */
export function decodeEmbeddings({ model, prompt }: EmbeddingsBody): EmbedRequest {
  return { ...neutral(model, prompt ? [prompt] : []), fields: { inputs: 'prompt', dimension: 'dimensions' } }
}

/** Neutral → wire, the model's name as it came. @param durations.totalMs,loadMs milliseconds, with fractions. */
export function encodeEmbed(
  result: Pick<EmbedResult, 'embeddings' | 'totalTokens'>,
  { model, totalMs, loadMs }: { model: string; totalMs: number; loadMs: number },
): OnWire<EmbedResponse> {
  return {
    model,
    embeddings: result.embeddings.map(({ dense }) => dense ?? new Float32Array(0)),
    total_duration: toNanoseconds(totalMs),
    load_duration: toNanoseconds(loadMs),
    prompt_eval_count: result.totalTokens,
  }
}

/** Neutral → wire. */
export function encodeEmbeddings({ embeddings }: Pick<EmbedResult, 'embeddings'>): OnWire<EmbeddingsResponse> {
  return { embedding: embeddings[0]?.dense ?? new Float32Array(0) }
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  return parseWith(schema, body, (issue, path) => {
    if (path === '') return { row: 'invalid_body', message: 'missing request body' }
    if (path === 'model' && (issue.code === 'too_small' || !hasModel(body))) {
      return { row: 'missing_model', message: 'model is required' }
    }
    return path.startsWith('input') ? { row: 'invalid_parameter', message: 'invalid input type' } : undefined
  })
}

function hasModel(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Reflect.get(body, 'model') !== undefined
}

function neutral(model: string, inputs: string[]) {
  if (inputs.length > MAX_INPUTS) {
    const message = `input has ${inputs.length} texts; a request may have ${MAX_INPUTS}`
    throw new ApiError('invalid_parameter', message, { param: 'input' })
  }
  return {
    model: modelIdOf(model),
    inputs,
    textType: 'document' as const,
    outputType: 'dense' as const,
  }
}

function toNanoseconds(ms: number): number {
  return Math.round(ms * 1e6)
}

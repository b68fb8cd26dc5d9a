import { z } from 'zod'
import type { EmbedRequest } from '../embed-request.js'
import type { EmbedResult } from '../embed-result.js'
import { isListOf, isNumber, isString, jsonList, jsonNumber, jsonText } from '../list-of.js'
import { Base64, type OnWire } from '../on-wire.js'
import { parseWith, typeName } from '../parse.js'

const Input = z
  .custom<string | string[] | number[] | number[][]>(
    (value) =>
      isString(value) || isListOf(isString)(value) || isListOf(isNumber)(value) || isListOf(isListOf(isNumber))(value),
  )
  .meta({
    description:
      "One text or a list of texts. OpenAI's models also take cl100k_base token ids: one array or a list of them.",
    anyOf: [jsonText, jsonList(jsonText), jsonList(jsonNumber), jsonList(jsonList(jsonNumber))],
  })

/**
 * Body of `POST /compatible-mode/v1/embeddings` (and `/v1/embeddings`).
 *
 * `text_type` and `instruct` are DashScope's, sent by some clients through `extra_body`; unknown keys are tolerated,
 * as by the live service. An explicit `null` means «not given»: several SDKs send it for unset options.
 */
export const EmbeddingsBody = z.object({
  model: z.string().min(1).describe('Public model id; the list of models shows which there are.'),
  input: Input,
  dimensions: z.number().nullish().describe('Components of each vector; the model lists what it offers.'),
  encoding_format: z
    .enum(['float', 'base64'])
    .nullish()
    .describe('`float` (default): JSON numbers. `base64`: little-endian float32, bit-equal to the floats.'),
  user: z.unknown().optional().describe('Accepted and ignored.'),
  text_type: z.enum(['query', 'document']).nullish().catch(null).describe('Use of the texts; default `document`.'),
  instruct: z.string().nullish().catch(null).describe('Task description for queries, where the model has it.'),
})
export type EmbeddingsBody = z.output<typeof EmbeddingsBody>

/** Answer of the embeddings endpoint. `id` is the request id, an extra of DashScope's compatible mode. */
export const EmbeddingsResponse = z.object({
  data: z.array(
    z.object({
      embedding: z.union([z.array(z.number()), Base64]),
      index: z.int(),
      object: z.literal('embedding'),
    }),
  ),
  model: z.string(),
  object: z.literal('list'),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  id: z.string(),
})
export type EmbeddingsResponse = z.output<typeof EmbeddingsResponse>

/** @throws {ApiError} naming the first field that is missing or of the wrong type. */
export function parseEmbeddings(body: unknown): EmbeddingsBody {
  return parseWith(EmbeddingsBody, body, (issue, path) => {
    const field = path.split(/[.[]/)[0]
    const came = typeName(valueAt(body, issue.path))
    if (path === '')
      return { row: 'invalid_body', message: 'Required body invalid, please check the request body format.' }
    if (field === 'model' && (came === 'undefined' || issue.code === 'too_small')) {
      return { row: 'missing_model', message: 'Required parameter "model" missing from request.' }
    }
    if (field === 'input' && came === 'undefined') {
      return { row: 'missing_input', message: 'Required parameter "input" missing from request.' }
    }
    if (field === 'input') {
      const message = `<400> InternalError.Algo.InvalidParameter: Value error, contents is neither str nor list of str.: input.contents (input is ${came})`
      return { row: 'invalid_parameter', message }
    }
    return undefined
  })
}

/** Wire → neutral. */
export function decodeEmbeddings(body: EmbeddingsBody): EmbedRequest {
  return {
    model: body.model,
    ...decodeInput(body.input),
    textType: body.text_type ?? 'document',
    outputType: 'dense',
    ...(body.dimensions == null ? {} : { dimension: body.dimensions }),
    ...(body.instruct == null ? {} : { instruct: body.instruct }),
    fields: { inputs: 'input', dimension: 'dimensions' },
  }
}

/**
 * Neutral → wire.
 *
 * @param vectorToWire what the answer holds: the vector itself for `float`, its bytes for `base64`; the caller picks it
 * from the request.
 */
export function encodeEmbeddings(
  result: EmbedResult,
  options: { requestId: string; vectorToWire: (vector: Float32Array) => Float32Array | Uint8Array },
): OnWire<EmbeddingsResponse> {
  return {
    data: result.embeddings.map(({ dense, index }) => ({
      embedding: options.vectorToWire(dense ?? new Float32Array(0)),
      index,
      object: 'embedding',
    })),
    model: result.model,
    object: 'list',
    usage: { prompt_tokens: result.totalTokens, total_tokens: result.totalTokens },
    id: options.requestId,
  }
}

function decodeInput(input: EmbeddingsBody['input']): Pick<EmbedRequest, 'inputs' | 'tokenArrays'> {
  if (typeof input === 'string') return { inputs: [input] }
  if (isTexts(input)) return { inputs: input }
  return { inputs: [], tokenArrays: isTokenIds(input) ? [input] : input }
}

// The schema lets one type of element in, so the first tells which. An empty list is one of texts.
const isTexts = (input: string[] | number[] | number[][]): input is string[] => typeof (input[0] ?? '') === 'string'
const isTokenIds = (input: number[] | number[][]): input is number[] => typeof input[0] === 'number'

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    // The schema's issue paths lead through objects and arrays only; anything else ends the walk with undefined.
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    body,
  )
}

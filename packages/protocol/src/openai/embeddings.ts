import { z } from 'zod'
import { type ContentObject, isContentObject, jsonContentObject, partsOf } from '../contents.js'
import type { EmbedRequest } from '../embed-request.js'
import type { EmbedResult } from '../embed-result.js'
import { ApiError } from '../errors.js'
import { isListOf, isNumber, isOneOf, isString, jsonList, jsonNumber, jsonText } from '../list-of.js'
import type { MultimodalRequest } from '../multimodal-request.js'
import type { MultimodalResult } from '../multimodal-result.js'
import { Base64, type OnWire } from '../on-wire.js'
import { parseWith, typeName } from '../parse.js'
import type { VectorFormat, VectorToWire } from '../vector-format.js'

/** An input as Jina's clients may write it. */
const isInput = (value: unknown): value is string | ContentObject => isString(value) || isContentObject(value)
/** The only one that a model of texts takes. */
const isTextObject = (value: unknown): value is { text: string } =>
  isContentObject(value) && isString(value.text) && Object.keys(value).length === 1

const JINA_TYPES = ['float', 'base64', 'binary', 'ubinary'] as const
type JinaType = (typeof JINA_TYPES)[number]
const isJinaType = isOneOf(JINA_TYPES)
const isOneJinaType = (value: unknown): value is [JinaType] =>
  Array.isArray(value) && value.length === 1 && isJinaType(value[0])
const jsonJinaType = { type: 'string', enum: JINA_TYPES } as const

const Input = z
  .custom<string | ContentObject | (string | ContentObject)[] | number[] | number[][]>(
    (value) =>
      isInput(value) || isListOf(isInput)(value) || isListOf(isNumber)(value) || isListOf(isListOf(isNumber))(value),
  )
  .meta({
    description:
      "One text or a list of texts; a text may be Jina's object of it. Models of pictures also take its objects with `image` (URL, data URI, base64 or `oss://`), `multi_images` or `video`. OpenAI's models also take cl100k_base token ids: one array or a list of them.",
    anyOf: [
      jsonText,
      jsonContentObject,
      jsonList({ anyOf: [jsonText, jsonContentObject] }),
      jsonList(jsonNumber),
      jsonList(jsonList(jsonNumber)),
    ],
  })

/**
 * Body of `POST /compatible-mode/v1/embeddings` (and `/v1/embeddings`).
 *
 * `text_type` and `instruct` are DashScope's, sent by some clients through `extra_body`; unknown keys are tolerated,
 * as by the live service. An explicit `null` means «not given»: several SDKs send it for unset options.
 *
 * The fields from `task` on are Jina's, whose endpoint has the same path (api.jina.ai/openapi.json,
 * `TextEmbeddingInput`). Where other services use their names differently, a value that Jina does not have is ignored.
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
  task: z
    .string()
    .nullish()
    .catch(null)
    .describe('Jina: `retrieval.query` and others ending in `.query` are queries, all other tasks documents.'),
  embedding_type: z
    .custom<JinaType | [JinaType]>(
      (value) => isJinaType(value) || isOneJinaType(value),
      `expected one of ${JINA_TYPES.join(', ')}, or a list of one`,
    )
    .meta({ anyOf: [jsonJinaType, { ...jsonList(jsonJinaType), minItems: 1, maxItems: 1 }] })
    .nullish()
    .describe('Jina: as `encoding_format`, and `binary` or `ubinary`: a bit a component. Wins over `encoding_format`.'),
  encoding_type: z.enum(JINA_TYPES).nullish().describe('The older name of `embedding_type`, which LlamaIndex sends.'),
  normalized: z
    .boolean()
    .nullish()
    .catch(null)
    .describe('Jina: `false` leaves the vectors as the model computed them; default `true`.'),
  truncate: z.boolean().nullish().catch(null).describe('Jina: `true` cuts the end of a text that is too long.'),
  late_chunking: z.boolean().nullish().catch(null).describe('Jina: not offered; `true` is an error.'),
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
    if (field === 'input') return { row: 'invalid_parameter', message: notTexts(came) }
    return undefined
  })
}

const notTexts = (came: string) =>
  `<400> InternalError.Algo.InvalidParameter: Value error, contents is neither str nor list of str.: input.contents (input is ${came})`

/** Wire → neutral, for models of texts. @throws {ApiError} for late chunking, and for what is no text. */
export function decodeEmbeddings(body: EmbeddingsBody): EmbedRequest {
  refuseLateChunking(body)
  return {
    model: body.model,
    ...decodeInput(body.input),
    textType: body.text_type ?? (body.task?.endsWith('.query') ? 'query' : 'document'),
    outputType: 'dense',
    ...(body.truncate === true && { overlong: 'truncate' }),
    ...(body.normalized === false && { normalize: false }),
    ...(body.dimensions == null ? {} : { dimension: body.dimensions }),
    ...(body.instruct == null ? {} : { instruct: body.instruct }),
    fields: { inputs: 'input', dimension: 'dimensions' },
  }
}

/** Wire → neutral, for models of pictures too. @throws {ApiError} for token ids, and for what these models have not. */
export function decodeMultimodalEmbeddings(body: EmbeddingsBody): MultimodalRequest {
  refuseLateChunking(body)
  if (body.normalized === false) {
    throw new ApiError('not_supported', 'normalized: false is not offered: vectors of pictures have unit length.', {
      param: 'normalized',
    })
  }
  const inputs = Array.isArray(body.input) ? body.input : [body.input]
  const contents = inputs.map((input) => {
    if (isInput(input)) return input
    throw new ApiError('invalid_parameter', notTexts(typeName(body.input)), { param: 'input' })
  })
  return {
    model: body.model,
    inputs: contents.map((content, index) => partsOf(content, Array.isArray(body.input) ? `input[${index}]` : 'input')),
    ...(body.dimensions == null ? {} : { dimension: body.dimensions }),
    // The options of videos have no place in this dialect, so no error can name them.
    fields: { inputs: 'input', dimension: 'dimensions', isFused: '', fps: '', maxFrames: '', resolutionLevel: '' },
  }
}

function refuseLateChunking({ late_chunking }: EmbeddingsBody): void {
  if (late_chunking !== true) return
  throw new ApiError('not_supported', 'late_chunking is not offered: each text is embedded on its own.', {
    param: 'late_chunking',
  })
}

/** The form of the vectors that a request asks for. */
export function vectorFormatOf({ embedding_type, encoding_type, encoding_format }: EmbeddingsBody): VectorFormat {
  const [jinaType] = [embedding_type ?? encoding_type].flat()
  return jinaType ?? encoding_format ?? 'float'
}

/** Neutral → wire. @param options.vectorToWire the writer of {@link vectorFormatOf}. */
export function encodeEmbeddings(
  result: EmbedResult,
  options: { requestId: string; vectorToWire: VectorToWire },
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

/** The same vectors in the same shape; tokens of texts and pictures are counted together. */
export function encodeMultimodalEmbeddings(
  { model, embeddings, usage }: MultimodalResult,
  options: { requestId: string; vectorToWire: VectorToWire },
): OnWire<EmbeddingsResponse> {
  const tokens = usage.textTokens + usage.imageTokens
  return {
    data: embeddings.map(({ dense, index }) => ({
      embedding: options.vectorToWire(dense),
      index,
      object: 'embedding',
    })),
    model,
    object: 'list',
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    id: options.requestId,
  }
}

function decodeInput(input: EmbeddingsBody['input']): Pick<EmbedRequest, 'inputs' | 'tokenArrays'> {
  if (!Array.isArray(input)) return { inputs: [textOf(input)] }
  if (isInputs(input)) return { inputs: input.map(textOf) }
  return { inputs: [], tokenArrays: isTokenIds(input) ? [input] : input }
}

// The schema lets one type of element in, so the first tells which. An empty list is one of texts.
const isInputs = (input: readonly unknown[]): input is (string | ContentObject)[] => isInput(input[0] ?? '')
function textOf(input: string | ContentObject): string {
  if (typeof input === 'string') return input
  if (isTextObject(input)) return input.text
  throw new ApiError('invalid_parameter', notTexts('object'), { param: 'input' })
}
const isTokenIds = (input: number[] | number[][]): input is number[] => typeof input[0] === 'number'

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    // The schema's issue paths lead through objects and arrays only; anything else ends the walk with undefined.
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    body,
  )
}

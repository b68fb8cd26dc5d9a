import { z } from 'zod'
import type { EmbedRequest, TextType } from '../embed-request.js'
import type { EmbedResult } from '../embed-result.js'
import { ApiError } from '../errors.js'
import { isListOf, isObject, isOneOf, isString, jsonList, jsonText, listOf, TextList } from '../list-of.js'
import { Base64 } from '../on-wire.js'
import { parseWith } from '../parse.js'
import { VECTOR_FORMATS, type VectorFormat, type VectorToWire } from '../vector-format.js'

/** Texts in one request, and the refusal of more, as docs.cohere.com/reference/embed and the live service word it. */
export const MAX_INPUTS = 96

const INPUT_TYPES = ['search_document', 'search_query', 'classification', 'clustering', 'image'] as const

/** A part of an input; what it has besides depends on its type. */
interface Content {
  type: string
  text?: string
}
const isContent = (value: unknown): value is Content =>
  isObject(value) && isString(Reflect.get(value, 'type')) && isString(Reflect.get(value, 'text') ?? '')
const isInput = (value: unknown): value is { content: Content[] } =>
  isObject(value) && isListOf(isContent)(Reflect.get(value, 'content'))
const jsonContent = { type: 'object', properties: { type: jsonText, text: jsonText }, required: ['type'] }
const jsonInput = { type: 'object', properties: { content: jsonList(jsonContent) }, required: ['content'] }

/** Body of `POST /v2/embed` (docs.cohere.com/reference/embed; cohere-python, `v2/client.py`). */
export const EmbedBody = z.object({
  model: z.string().min(1).describe('Public model id; the list of models shows which there are.'),
  input_type: z.enum(INPUT_TYPES).describe('Use of the texts. `search_query` is a query, the others are documents.'),
  texts: TextList.nullish().describe('1 to 96 texts.'),
  inputs: listOf(isInput, 'an object whose `content` is a list of objects with a `type`', jsonInput)
    .nullish()
    .describe('The newer form of `texts`: each with one component of type `text`.'),
  images: TextList.nullish().describe('Not offered: the model embeds texts.'),
  embedding_types: listOf(isOneOf(VECTOR_FORMATS), `one of ${VECTOR_FORMATS.join(', ')}`, { enum: VECTOR_FORMATS })
    .nullish()
    .describe('Forms of each vector; default `float`.'),
  output_dimension: z.int().nullish().describe('Components of each vector; the model lists what it offers.'),
  max_tokens: z.int().positive().nullish().describe("Not offered below the model's own limit."),
  truncate: z
    .enum(['NONE', 'START', 'END'])
    .nullish()
    .describe('Which end of a text that is too long is cut off; `NONE`: it is an error. Default `END`.'),
})
export type EmbedBody = z.output<typeof EmbedBody>

const Floats = z.array(z.array(z.number()))
export const EmbedResponse = z.object({
  id: z.string(),
  embeddings: z.object({
    float: Floats.optional(),
    base64: z.array(Base64).optional(),
    int8: Floats.optional(),
    uint8: Floats.optional(),
    binary: Floats.optional(),
    ubinary: Floats.optional(),
  }),
  texts: z.array(z.string()),
  meta: z.object({
    api_version: z.object({ version: z.string() }),
    billed_units: z.object({ input_tokens: z.int() }),
  }),
  response_type: z.literal('embeddings_by_type'),
})

/** @throws {ApiError} naming the first field that is missing or of the wrong type. */
export function parseEmbed(body: unknown): EmbedBody {
  return parseWith(EmbedBody, body, (issue, path) => {
    if (path === '') return { row: 'invalid_body', message: 'invalid request: the body is no JSON object' }
    const isMissing = typeof body === 'object' && body !== null && Reflect.get(body, path) === undefined
    if (path === 'model' && (isMissing || issue.code === 'too_small')) {
      return { row: 'missing_model', message: 'invalid request: model is required' }
    }
    const detail = path === 'input_type' && isMissing ? 'input_type is required' : `${path}: ${issue.message}`
    return { row: 'invalid_parameter', message: `invalid request: ${detail}` }
  })
}

/** Wire → neutral. @throws {ApiError} for images, no texts, or more than 96. */
export function decodeEmbed(body: EmbedBody): EmbedRequest {
  const { field, texts } = textsOf(body)
  if (texts.length > MAX_INPUTS) {
    const message = `invalid request: total number of texts must be at most ${MAX_INPUTS} - received ${texts.length}`
    throw new ApiError('invalid_parameter', message, { param: field })
  }
  if (body.max_tokens != null) {
    throw new ApiError('not_supported', 'invalid request: max_tokens is not offered', { param: 'max_tokens' })
  }
  return {
    model: body.model,
    inputs: texts,
    textType: textTypeOf(body.input_type),
    outputType: 'dense',
    overlong: body.truncate === 'NONE' ? 'error' : 'truncate',
    cutAt: body.truncate === 'START' ? 'start' : 'end',
    ...(body.output_dimension == null ? {} : { dimension: body.output_dimension }),
    fields: { inputs: field, dimension: 'output_dimension' },
  }
}

/** Neutral → wire: the vectors in each of the forms asked for. */
export function encodeEmbed(
  result: EmbedResult,
  options: {
    body: EmbedBody
    texts: string[]
    requestId: string
    toWire: Readonly<Record<VectorFormat, VectorToWire>>
  },
) {
  const formats = new Set(options.body.embedding_types ?? [])
  if (formats.size === 0) formats.add('float')
  const vectors = result.embeddings.map(({ dense }) => dense ?? new Float32Array(0))
  return {
    id: options.requestId,
    embeddings: Object.fromEntries([...formats].map((format) => [format, vectors.map(options.toWire[format])])),
    texts: options.texts,
    meta: { api_version: { version: '2' }, billed_units: { input_tokens: result.totalTokens } },
    response_type: 'embeddings_by_type' as const,
  }
}

function textTypeOf(inputType: EmbedBody['input_type']): TextType {
  return inputType === 'search_query' ? 'query' : 'document'
}

function textsOf({ texts, inputs, images, input_type }: EmbedBody): { field: string; texts: string[] } {
  if (input_type === 'image' || (images ?? []).length > 0) throw noImages('images')
  if (texts != null && texts.length > 0) return { field: 'texts', texts }
  if (inputs != null && inputs.length > 0) {
    return { field: 'inputs', texts: inputs.map(({ content }, index) => textOf(content, `inputs[${index}].content`)) }
  }
  throw new ApiError('missing_input', 'invalid request: at least one of texts and inputs is required', {
    param: 'texts',
  })
}

function textOf(content: readonly Content[], field: string): string {
  const [only] = content
  if (only?.type === 'text' && only.text !== undefined && content.length === 1) return only.text
  throw noImages(field)
}

function noImages(field: string): ApiError {
  return new ApiError('not_supported', `invalid request: ${field}: only single texts can be embedded`, { param: field })
}

import { z } from 'zod'
import type { EmbedRequest } from '../embed-request.js'
import type { EmbedResult } from '../embed-result.js'
import { Texts } from '../list-of.js'
import type { OnWire } from '../on-wire.js'
import { parseWith, typeName } from '../parse.js'

const TextType = z.enum(['query', 'document'])
const OutputType = z.enum(['dense', 'sparse', 'dense&sparse'])

/** Options one level too deep: honoured where they are right, ignored where not, for the service ignores them all. */
const Nested = z
  .object({
    text_type: TextType.nullish().catch(undefined),
    dimension: z.number().nullish().catch(undefined),
    output_type: OutputType.nullish().catch(undefined),
    instruct: z.string().nullish().catch(undefined),
  })
  .nullish()
  .catch(undefined)

/** Options of the native endpoint. Unknown keys are passed over, as by the live service. */
export const Parameters = z.object({
  text_type: TextType.nullish().describe('Use of the texts; default `document`.'),
  dimension: z.number().nullish().describe('Components of each vector; the model lists what it offers.'),
  output_type: OutputType.nullish().describe('Default `dense`.'),
  instruct: z.string().nullish().describe('Task description for queries, where the model has it.'),
  parameters: Nested.describe("Callers of the Python SDK's older versions nest the options here."),
  kwargs: Nested.describe('LlamaIndex nests them here.'),
})

/** Body of `POST /api/v1/services/embeddings/text-embedding/text-embedding`. */
export const TextEmbeddingBody = z.object({
  model: z.string().min(1).describe('Public model id; the list of models shows which there are.'),
  input: z.object({
    texts: Texts.describe('One text or a list of texts.'),
  }),
  parameters: Parameters.nullish(),
})
export type TextEmbeddingBody = z.output<typeof TextEmbeddingBody>

export const TextEmbeddingResponse = z.object({
  output: z.object({
    embeddings: z.array(
      z.object({
        text_index: z.int(),
        embedding: z.array(z.number()).optional(),
        sparse_embedding: z.array(z.object({ index: z.int(), value: z.number(), token: z.string() })).optional(),
      }),
    ),
  }),
  usage: z.object({ total_tokens: z.int() }),
  request_id: z.string(),
})
export type TextEmbeddingResponse = z.output<typeof TextEmbeddingResponse>

/** @throws {ApiError} naming the first field that is missing or of the wrong type. */
export function parseTextEmbedding(body: unknown): TextEmbeddingBody {
  return parseWith(TextEmbeddingBody, body, (issue, path) => {
    if (path === '')
      return { row: 'invalid_body', message: 'Required body invalid, please check the request body format.' }
    const given = givenParts(body)
    if (path === 'model' && (given.model === undefined || issue.code === 'too_small')) {
      return { row: 'missing_model', message: 'Required parameter "model" missing from request.' }
    }
    if (path === 'input' && given.input == null) {
      return { row: 'missing_input', message: 'Required input parameter missing from request.' }
    }
    if (path.startsWith('input.texts') && given.texts === undefined) {
      return { row: 'missing_input', message: 'Required input parameter missing from request: input.texts.' }
    }
    if (path.startsWith('input.texts')) {
      const message = `<400> InternalError.Algo.InvalidParameter: Value error, contents is neither str nor list of str.: input.contents (input.texts is ${typeName(given.texts)})`
      return { row: 'invalid_parameter', message }
    }
    return undefined
  })
}

/** Wire → neutral. */
export function decodeTextEmbedding(body: TextEmbeddingBody): EmbedRequest {
  const { texts } = body.input
  const own = body.parameters ?? {}
  const levels = [own, own.parameters, own.kwargs]
  const dimension = firstGiven(levels.map((level) => level?.dimension))
  const instruct = firstGiven(levels.map((level) => level?.instruct))
  return {
    model: body.model,
    inputs: typeof texts === 'string' ? [texts] : texts,
    textType: firstGiven(levels.map((level) => level?.text_type)) ?? 'document',
    outputType: firstGiven(levels.map((level) => level?.output_type)) ?? 'dense',
    ...(dimension === undefined ? {} : { dimension }),
    ...(instruct === undefined ? {} : { instruct }),
    fields: { inputs: 'input.texts', dimension: 'parameters.dimension' },
  }
}

function firstGiven<Value>(values: readonly (Value | null | undefined)[]): Value | undefined {
  return values.find((value) => value != null) ?? undefined
}

/** Neutral → wire. The live service sends neither `code` nor `message` on success. */
export function encodeTextEmbedding(result: EmbedResult, requestId: string): OnWire<TextEmbeddingResponse> {
  return {
    output: {
      embeddings: result.embeddings.map(({ index, dense, sparse }) => ({
        text_index: index,
        ...(dense && { embedding: dense }),
        ...(sparse && { sparse_embedding: sparse }),
      })),
    },
    usage: { total_tokens: result.totalTokens },
    request_id: requestId,
  }
}

/** The parts of an unparsed body that decide which sentence an error gets. */
function givenParts(body: unknown): { model?: unknown; input?: unknown; texts?: unknown } {
  const { model, input } = isObject(body) ? body : {}
  return { model, input, texts: isObject(input) ? input.texts : undefined }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

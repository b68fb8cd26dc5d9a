import { z } from 'zod'
import { CONTENT_FORM, type Content, isContent, jsonContentObject, partsOf } from '../contents.js'
import { isListOf, jsonList, jsonText } from '../list-of.js'
import type { MultimodalRequest } from '../multimodal-request.js'
import type { MultimodalResult, MultimodalUsage } from '../multimodal-result.js'
import type { OnWire } from '../on-wire.js'
import { parseWith } from '../parse.js'

/** Options one level too deep, where callers of the Python SDK's 1.x put them; honoured where they are right. */
const Nested = z
  .object({
    dimension: z.number().nullish().catch(undefined),
    fps: z.number().nullish().catch(undefined),
    max_video_frames: z.number().nullish().catch(undefined),
    res_level: z.number().nullish().catch(undefined),
    enable_fusion: z.boolean().nullish().catch(undefined),
  })
  .nullish()
  .catch(undefined)

/** Options of the multimodal endpoint. Unknown keys are passed over, as by the live service. */
export const MultimodalParameters = z.object({
  dimension: z.number().nullish().describe('Components of each vector; the model lists what it offers.'),
  output_type: z.enum(['dense']).nullish().describe('There are only dense vectors.'),
  fps: z.number().nullish().describe('Frames taken out of a second of video, at most: 0 to 1, default 1.'),
  max_video_frames: z.number().nullish().describe('Frames taken out of a video, at most: 1 to 64, default 8.'),
  res_level: z
    .number()
    .nullish()
    .describe('0 to 3, default 1, for the models that know levels: how many tokens a picture counts.'),
  enable_fusion: z.boolean().nullish().describe('One vector of all contents together, where the model has it.'),
  instruct: z.string().nullish().describe('Accepted; the built-in model was not trained on instructions.'),
  parameters: Nested.describe("Callers of the Python SDK's older versions nest the options here."),
})

const CONTENT_JSON = { anyOf: [jsonText, jsonContentObject] }
const Contents = z
  .custom<Content | Content[]>(
    (value) => isContent(value) || isListOf(isContent)(value),
    `expected a list; each element ${CONTENT_FORM}`,
  )
  .meta({ anyOf: [jsonList(CONTENT_JSON), CONTENT_JSON] })

/** Body of `POST /api/v1/services/embeddings/multimodal-embedding/multimodal-embedding`. */
export const MultimodalEmbeddingBody = z.object({
  model: z.string().min(1).describe('Public model id; the list of models shows which there are.'),
  input: z.object({
    contents: Contents.describe(
      'Each element is a text, or an object: `text`; `image` (URL, data URI, `oss://`, or a list of them); `multi_images`; `video` (likewise, or a list of its frames). Several keys in one object make one vector.',
    ),
  }),
  parameters: MultimodalParameters.nullish(),
})
export type MultimodalEmbeddingBody = z.output<typeof MultimodalEmbeddingBody>

const count = z.int()
/** One of four shapes; which, is the model's. */
const Usage = z.union([
  z.object({ input_tokens: count, image_tokens: count, image_count: count, duration: count }),
  z.object({
    input_tokens: count,
    input_tokens_details: z.object({ image_tokens: count, text_tokens: count }),
    output_tokens: count,
    total_tokens: count,
  }),
  z.object({ input_tokens: count, image_tokens: count, total_tokens: count }),
  z.object({ input_tokens: count, image_tokens: count }),
])

export const MultimodalEmbeddingResponse = z.object({
  output: z.object({
    embeddings: z.array(z.object({ index: z.int(), embedding: z.array(z.number()), type: z.string() })),
  }),
  usage: Usage,
  request_id: z.string(),
})
export type MultimodalEmbeddingResponse = z.output<typeof MultimodalEmbeddingResponse>

/** @throws {ApiError} naming the first field that is missing or of the wrong type. */
export function parseMultimodalEmbedding(body: unknown): MultimodalEmbeddingBody {
  return parseWith(MultimodalEmbeddingBody, body, (issue, path) => {
    if (path === '')
      return { row: 'invalid_body', message: 'Required body invalid, please check the request body format.' }
    const given = body as { model?: unknown; input?: { contents?: unknown } | null } // an object, or path were empty
    if (path === 'model' && (given.model === undefined || issue.code === 'too_small')) {
      return { row: 'missing_model', message: 'Required parameter "model" missing from request.' }
    }
    if (path === 'input' && given.input == null) {
      return { row: 'missing_input', message: 'Required input parameter missing from request.' }
    }
    if (path !== 'input.contents') return undefined
    const { contents } = given.input ?? {}
    if (contents == null) {
      return { row: 'missing_input', message: 'Required input parameter missing from request: input.contents.' }
    }
    const wrong = Array.isArray(contents) ? contents.findIndex((content) => !isContent(content)) : -1
    const which = wrong === -1 ? path : `${path}[${wrong}]`
    return { row: 'invalid_parameter', message: `${which} must be ${CONTENT_FORM}.` }
  })
}

/** Wire → neutral. */
export function decodeMultimodalEmbedding({ model, input, parameters }: MultimodalEmbeddingBody): MultimodalRequest {
  const contents = Array.isArray(input.contents) ? input.contents : [input.contents]
  const own = parameters ?? {}
  const first = <Value>(outer: Value, inner: Value) => outer ?? inner ?? undefined
  const dimension = first(own.dimension, own.parameters?.dimension)
  const fps = first(own.fps, own.parameters?.fps)
  const maxFrames = first(own.max_video_frames, own.parameters?.max_video_frames)
  const resolutionLevel = first(own.res_level, own.parameters?.res_level)
  const isFused = first(own.enable_fusion, own.parameters?.enable_fusion)
  return {
    model,
    inputs: contents.map((content, index) => partsOf(content, `input.contents[${index}]`)),
    ...(dimension !== undefined && { dimension }),
    ...(fps !== undefined && { fps }),
    ...(maxFrames !== undefined && { maxFrames }),
    ...(resolutionLevel !== undefined && { resolutionLevel }),
    ...(isFused !== undefined && { isFused }),
    fields: {
      inputs: 'input.contents',
      dimension: 'parameters.dimension',
      isFused: 'parameters.enable_fusion',
      fps: 'parameters.fps',
      maxFrames: 'parameters.max_video_frames',
      resolutionLevel: 'parameters.res_level',
    },
  }
}

/** Which words and numbers a model's answers have at the original service. */
export interface MultimodalAnswerForm {
  /** `type` of a vector: what its input was; or `vl` for an input and `fusion` for all of them. */
  types: 'kinds' | 'vl'
  /** Texts, pictures and seconds each for itself; sums with details; the two and their sum; just the two. */
  usage: 'counts' | 'details' | 'sum' | 'two'
}

/** Neutral → wire. */
export function encodeMultimodalEmbedding(
  result: MultimodalResult,
  { requestId, form }: { requestId: string; form: MultimodalAnswerForm },
): OnWire<MultimodalEmbeddingResponse> {
  const typeOf = (kind: MultimodalResult['embeddings'][number]['kind']) => {
    if (form.types === 'kinds') return kind
    return kind === 'fused' ? 'fusion' : 'vl'
  }
  return {
    output: {
      embeddings: result.embeddings.map(({ index, dense, kind }) => ({ index, embedding: dense, type: typeOf(kind) })),
    },
    usage: USAGE[form.usage](result.usage),
    request_id: requestId,
  }
}

const USAGE: Readonly<Record<MultimodalAnswerForm['usage'], (usage: MultimodalUsage) => z.output<typeof Usage>>> = {
  counts: ({ textTokens, imageTokens, imageCount, videoSeconds }) => ({
    input_tokens: textTokens,
    image_tokens: imageTokens,
    image_count: imageCount,
    duration: Math.ceil(videoSeconds),
  }),
  details: ({ textTokens, imageTokens }) => ({
    input_tokens: textTokens + imageTokens,
    input_tokens_details: { image_tokens: imageTokens, text_tokens: textTokens },
    output_tokens: 0,
    total_tokens: textTokens + imageTokens,
  }),
  sum: ({ textTokens, imageTokens }) => ({
    input_tokens: textTokens,
    image_tokens: imageTokens,
    total_tokens: textTokens + imageTokens,
  }),
  two: ({ textTokens, imageTokens }) => ({ input_tokens: textTokens, image_tokens: imageTokens }),
}

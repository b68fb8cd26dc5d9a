import { ApiError, type Embedding, type EmbedResult, invalidInput } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { Engine, TokenizedText } from '../engines/engine.js'
import { norm, shorten, weightedMean } from '../vector/vector.js'
import { chunk } from './chunk.js'
import { mapBounded } from './map-bounded.js'
import { spaceOf, sparseSpaceOf } from './space.js'

/** Even a text that is embedded whole ends somewhere: 262 windows, seconds of one core. */
const MAX_CHUNKED_TOKENS = 131_072
/** Texts of one request that are computed or queued at a time, so that a long list cannot fill the queue alone. */
const TEXTS_IN_FLIGHT = 256

/** Embeds a checked request; the one function that HTTP, the command line and jobs all call. */
export type Embed = (request: CheckedRequest, signal: AbortSignal) => Promise<EmbedResult>

/**
 * The pipeline: tokenise → cut into windows → engine → pool → shorten to the dimension, unit length.
 *
 * A text longer than the engine's window is embedded whole: its windows' unit vectors are averaged, weighted by their
 * tokens. Equal texts of one request are computed once.
 */
export function createEmbed(findEngine: (id: string) => Engine): Embed {
  return async (request, signal) => {
    const engine = findEngine(request.model.engine)
    const tokenized = request.inputs.map((_, index) => tokenize(engine, request, index))
    const dense = request.outputType === 'sparse' ? [] : await embedAll(engine, tokenized, request, signal)
    const embeddings = tokenized.map(
      ({ ids, isOverLimit }, index): Embedding => ({
        index,
        tokens: ids.length,
        ...(isOverLimit && { isTruncated: true }),
        ...(dense[index] && { dense: dense[index] }),
        ...(request.outputType !== 'dense' && { sparse: engine.weighTerms(ids, request.textType) }),
      }),
    )
    return {
      model: request.model.id,
      embeddings,
      totalTokens: embeddings.reduce((sum, { tokens }) => sum + tokens, 0),
      space: spaceOf(engine, request),
      ...(request.outputType !== 'dense' && { sparseSpace: sparseSpaceOf(engine) }),
    }
  }
}

/** Dense vectors in request order; equal texts are computed once. */
async function embedAll(
  engine: Engine,
  tokenized: readonly TokenizedText[],
  request: CheckedRequest,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const distinct = new Map(tokenized.map(({ ids }, index) => [request.inputs[index] as string, ids])) // one for one
  const vectors = await mapBounded(
    [...distinct.values()],
    (ids, groupSignal) => embedText(engine, ids, request, groupSignal),
    { limit: TEXTS_IN_FLIGHT, signal },
  )
  const vectorOf = new Map([...distinct.keys()].map((text, index) => [text, vectors[index] as Float32Array])) // likewise
  return request.inputs.map((text) => vectorOf.get(text) as Float32Array)
}

/** Ids of one input, and whether they are less than the whole, which only the policy `truncate` allows. */
function tokenize(
  engine: Engine,
  { inputs, inputsField, model, overlong, cutAt }: CheckedRequest,
  index: number,
): TokenizedText {
  const limit = overlong === 'chunk-mean' ? Math.max(model.maxInputTokens, MAX_CHUNKED_TOKENS) : model.maxInputTokens
  const text = inputs[index] as string // the callers count through the inputs
  const tokenized =
    overlong === 'truncate' && cutAt === 'start' ? lastTokens(engine, text, limit) : engine.tokenize(text, limit)
  if (tokenized.ids.length > 0 && (overlong === 'truncate' || !tokenized.isOverLimit)) return tokenized
  const came = tokenized.ids.length > 0 ? `has more than ${limit} tokens` : 'has no tokens'
  const param = `${inputsField}[${index}]`
  throw invalidInput(`Range of input length should be [1, ${limit}]: ${param} ${came}.`, param)
}

/** As `engine.tokenize`, but of a text that is over the limit its end is kept. */
function lastTokens(engine: Engine, text: string, limit: number): TokenizedText {
  const { ids } = engine.tokenize(text, Number.MAX_SAFE_INTEGER)
  return { ids: ids.slice(-limit), isOverLimit: ids.length > limit }
}

async function embedText(
  engine: Engine,
  ids: Int32Array,
  { dimension, textType, normalize }: CheckedRequest,
  signal: AbortSignal,
): Promise<Float32Array> {
  const windows = chunk(ids, engine.window)
  const raw = await Promise.all(windows.map((window) => engine.embed({ ids: window, textType }, { signal })))
  const [only] = raw
  const whole =
    only !== undefined && raw.length === 1
      ? only
      : weightedMean(
          raw.map((vector) => shorten(vector, engine.dimension)),
          windows.map((window) => window.length),
        )
  return normalize ? checkUnit(shorten(whole, dimension)) : checkFinite(whole.slice(0, dimension))
}

/** Nothing is silently wrong: a vector that is not finite and of unit length is an error, never an answer. */
function checkUnit(vector: Float32Array): Float32Array {
  const length = norm(vector)
  if (Math.abs(length - 1) < 1e-4) return vector // false for NaN too
  throw new ApiError('engine_failed', `The model produced an invalid vector of length ${length}.`)
}

/** As {@link checkUnit} for a vector whose length says nothing. */
function checkFinite(vector: Float32Array): Float32Array {
  if (Number.isFinite(norm(vector))) return vector
  throw new ApiError('engine_failed', 'The model produced an invalid vector.')
}

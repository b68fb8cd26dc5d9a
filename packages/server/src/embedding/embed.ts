import { setMaxListeners } from 'node:events'
import { ApiError, type Embedding, type EmbedResult } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { Engine, TokenizedText } from '../engines/engine.js'
import { norm, shorten, weightedMean } from '../vector/vector.js'
import { chunk } from './chunk.js'
import { spaceOf } from './space.js'

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
      ({ ids }, index): Embedding => ({
        index,
        tokens: ids.length,
        ...(dense[index] && { dense: dense[index] }),
        ...(request.outputType !== 'dense' && { sparse: engine.weighTerms(ids) }),
      }),
    )
    return {
      model: request.model.id,
      embeddings,
      totalTokens: embeddings.reduce((sum, { tokens }) => sum + tokens, 0),
      space: spaceOf(engine, request.dimension),
    }
  }
}

/** Dense vectors in request order; equal texts are computed once. */
function embedAll(
  engine: Engine,
  tokenized: readonly TokenizedText[],
  request: CheckedRequest,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const computed = new Map<string, Promise<Float32Array>>()
  return allOrNothing(signal, (groupSignal) =>
    tokenized.map(({ ids }, index) => {
      const text = request.inputs[index] as string // tokenized from the inputs, one for one
      const vector = computed.get(text) ?? embedText(engine, ids, request, groupSignal)
      computed.set(text, vector)
      return vector
    }),
  )
}

function tokenize(engine: Engine, { inputs, inputsField, model }: CheckedRequest, index: number): TokenizedText {
  const tokenized = engine.tokenize(inputs[index] as string, model.maxInputTokens)
  if (tokenized.ids.length > 0 && !tokenized.isOverLimit) return tokenized
  const came = tokenized.isOverLimit ? `has more than ${model.maxInputTokens} tokens` : 'has no tokens'
  const param = `${inputsField}[${index}]`
  throw new ApiError(
    'invalid_parameter',
    `<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, ${model.maxInputTokens}]: ${param} ${came}.`,
    { param },
  )
}

async function embedText(
  engine: Engine,
  ids: Int32Array,
  { dimension, textType }: CheckedRequest,
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
  return checkUnit(shorten(whole, dimension))
}

/** Nothing is silently wrong: a vector that is not finite and of unit length is an error, never an answer. */
function checkUnit(vector: Float32Array): Float32Array {
  const length = norm(vector)
  if (Math.abs(length - 1) < 1e-4) return vector // false for NaN too
  throw new ApiError('engine_failed', `The model produced an invalid vector of length ${length}.`)
}

/** Like Promise.all, but the first failure also stops the work that the others have not begun. */
async function allOrNothing<Value>(
  signal: AbortSignal,
  start: (signal: AbortSignal) => Promise<Value>[],
): Promise<Value[]> {
  const group = new AbortController()
  const either = AbortSignal.any([signal, group.signal])
  setMaxListeners(0, either) // one for each window of each input; the request's limits bound them
  try {
    return await Promise.all(start(either))
  } catch (error) {
    group.abort(error)
    throw error
  }
}

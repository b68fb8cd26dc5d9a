import { ApiError, type Embedding, type EmbedResult } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { Engine, RawEmbedding } from '../engines/engine.js'
import { norm, shorten } from '../vector/vector.js'
import type { Claim, Priority } from './batcher.js'
import { mapBounded } from './map-bounded.js'
import { countTokens, prepareAll } from './prepare.js'
import type { FindEngine } from './running-engines.js'
import { engineSpaceOf, spaceOf } from './space.js'
import { createSparseOf, hasSparseHead } from './sparse.js'
import type { EmbedText, TextToEmbed } from './text-vectors.js'

/** Texts of one request that are computed or queued at a time, so that a long list cannot fill the queue alone. */
const TEXTS_IN_FLIGHT = 256

export interface EmbedOptions {
  signal: AbortSignal
  /** Who asks: callers take turns, and share no remembered vectors. */
  caller?: string
  /** Default `interactive`. */
  priority?: Priority
}

/** The neutral answer, and what only those need who compute many requests that belong together. */
export interface Embedded extends EmbedResult {
  /** Fingerprint of what computed it: vectors of one engine space are of one space where dimension and length are alike. */
  engineSpace: string
}

/** Embeds a checked request; the one function that HTTP, the command line and jobs all call. */
export type Embed = (request: CheckedRequest, options: EmbedOptions) => Promise<Embedded>

export interface EmbedParts {
  findEngine: FindEngine
  embedText: EmbedText
  /** Whose sparse vectors serve where the model has none of its own. */
  sparseFallback: Engine
}

/**
 * The pipeline: make ready (tokens, prompt, windows) → whole vectors → shorten to the dimension, unit length.
 *
 * All texts are made ready before the first is computed: a request with a text that is too long costs next to nothing.
 */
export function createEmbed({ findEngine, embedText, sparseFallback }: EmbedParts): Embed {
  const sparseOf = createSparseOf(sparseFallback)
  return async (request, { signal, caller = '', priority = 'interactive' }) => {
    const running = await findEngine(request.model.engine, signal)
    const { engine } = running
    const [wantsDense, wantsSparse] = [request.outputType !== 'sparse', request.outputType !== 'dense']
    const texts = await prepareAll(engine, request, signal)
    const isCounted = texts.every(({ prepared }) => prepared.isEstimate !== true) // else the vectors bring the counts
    const raw =
      wantsDense || hasSparseHead(engine) || !isCounted
        ? await computeDistinct(texts, { caller, request, priority, signal }, (text, claim) =>
            embedText(running, text, claim),
          )
        : []
    const sparse = wantsSparse ? await sparseOf(engine, request, { texts, raw, signal }) : undefined
    const embeddings = texts.map((text, index): Embedding => {
      const dense = raw[index]?.dense
      const terms = sparse?.vectors[index]
      return {
        index,
        tokens: countTokens(text, raw[index], { param: `${request.inputsField}[${index}]` }),
        ...(text.prepared.isOverLimit && { isTruncated: true }),
        ...(wantsDense && dense && { dense: finish(dense, request) }),
        ...(terms && { sparse: terms }),
      }
    })
    return {
      model: request.model.id,
      embeddings,
      totalTokens: embeddings.reduce((sum, { tokens }) => sum + tokens, 0),
      space: spaceOf(engine, request),
      engineSpace: engineSpaceOf(engine),
      ...(sparse && { sparseSpace: sparse.space }),
    }
  }
}

/** Whole vectors in request order; equal texts are computed once. */
async function computeDistinct(
  texts: readonly TextToEmbed[],
  claim: Claim,
  compute: (text: TextToEmbed, claim: Claim) => Promise<RawEmbedding>,
): Promise<RawEmbedding[]> {
  const distinct = new Map(texts.map((text) => [text.text, text]))
  const raw = await mapBounded([...distinct.values()], (text, signal) => compute(text, { ...claim, signal }), {
    limit: TEXTS_IN_FLIGHT,
    signal: claim.signal,
  })
  const rawOf = new Map([...distinct.keys()].map((text, index) => [text, raw[index] as RawEmbedding])) // one for one
  return texts.map(({ text }) => rawOf.get(text) as RawEmbedding) // likewise
}

function finish(whole: Float32Array, { normalize, dimension }: CheckedRequest): Float32Array {
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

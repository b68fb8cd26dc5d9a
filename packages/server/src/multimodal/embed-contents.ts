import {
  ApiError,
  ERRORS,
  type InputPart,
  invalidInput,
  isMediaSource,
  type MediaSource,
  type MultimodalEmbedding,
  type MultimodalResult,
} from '@quiver/protocol'
import type { CheckedMultimodalRequest } from '../catalog/check-multimodal.js'
import { mapBounded } from '../embedding/map-bounded.js'
import type { FindEngine, RunningEngine } from '../embedding/running-engines.js'
import { spaceOf } from '../embedding/space.js'
import type { CaptionTokens } from '../engines/multimodal-engine.js'
import { fit, fuse, toUnit } from './fuse.js'
import { type BatchedMultimodalEngine, passOf, type Sight } from './passes.js'
import type { FetchMedia, ReadMedia } from './read-media.js'

/** Parts of one request that are fetched, decoded or computed at a time, so that a long one takes no more than its share. */
const PARTS_IN_FLIGHT = 4

export interface EmbedContentsOptions {
  signal: AbortSignal
  /** Who asks: callers take turns. */
  caller?: string
  fetchMedia: FetchMedia
}

/** Embeds a checked request; the one function that HTTP and the command line both call. */
export type EmbedContents = (
  request: CheckedMultimodalRequest,
  options: EmbedContentsOptions,
) => Promise<MultimodalResult>

export interface EmbedContentsParts {
  findEngine: FindEngine<BatchedMultimodalEngine>
  readMedia: ReadMedia
}

/**
 * The pipeline: tokens of the texts → bytes, pictures, frames → whole unit vectors → one for each input, or one for all →
 * the dimension asked for.
 *
 * Texts come first: a request with an empty one costs next to nothing.
 * @throws {ApiError} naming the field of the part that failed; the first one fails the request.
 */
export function createEmbedContents({ findEngine, readMedia }: EmbedContentsParts): EmbedContents {
  return async (request, { signal, caller = '', fetchMedia }) => {
    const { model, inputs, dimension, isFused } = request
    const running = await findEngine(model.engine, signal)
    const captions = await tokenizeTexts(running, request, signal)
    const claim = { caller, request, priority: 'interactive' as const }
    const compute = async (sight: Sight, partSignal: AbortSignal) =>
      toUnit((await running.batcher.run(passOf(sight), { ...claim, signal: partSignal })).dense)
    const parts = inputs.flat()
    const looks = await mapBounded(
      parts,
      (part, partSignal) => lookAt(part, { request, captions, compute, readMedia, fetchMedia, signal: partSignal }),
      { limit: PARTS_IN_FLIGHT, signal },
    )
    const lookOf = new Map(parts.map((part, index) => [part, looks[index] as Look])) // one for each
    const vectorsOf = (some: readonly InputPart[]) => some.map((part) => (lookOf.get(part) as Look).vector) // likewise
    const groups = isFused ? [parts] : inputs
    return {
      model: model.id,
      embeddings: groups.map(
        (group, index): MultimodalEmbedding => ({
          index,
          kind: kindOf(group, isFused),
          dense: fit(fuse(vectorsOf(group)), dimension),
        }),
      ),
      usage: {
        textTokens: sum(looks, ({ textTokens }) => textTokens),
        imageTokens: sum(looks, ({ images, frames }) => images + frames) * request.tokensPerImage,
        imageCount: sum(looks, ({ images }) => images),
        videoSeconds: sum(looks, ({ seconds }) => seconds),
      },
      truncated: inputs.flatMap((input, index) => (input.some((part) => captions.get(part)?.isCut) ? [index] : [])),
      space: spaceOf(running.engine.inner, { dimension, normalize: true }),
    }
  }
}

function kindOf(group: readonly InputPart[], isFused: boolean): MultimodalEmbedding['kind'] {
  const [only, ...others] = group
  return only === undefined || others.length > 0 || isFused ? 'fused' : only.kind
}

type Captions = ReadonlyMap<InputPart, CaptionTokens>

/** @throws {ApiError} `invalid_parameter` for a text of no tokens. */
async function tokenizeTexts(
  { engine }: RunningEngine<BatchedMultimodalEngine>,
  { inputs, model: { maxTextTokens: maxTokens } }: CheckedMultimodalRequest,
  signal: AbortSignal,
): Promise<Captions> {
  const captions = new Map<InputPart, CaptionTokens>()
  for (const part of inputs.flat()) {
    if (part.kind !== 'text') continue
    const { text, field } = part
    // Asked of the text too, because an engine may count tokens that frame every text; and of the tokens, because a text of
    // invisible characters has none.
    const caption = text.trim() === '' ? undefined : await engine.inner.tokenize(text, { maxTokens, signal })
    if (caption === undefined || caption.ids.length === 0) {
      throw invalidInput(`Range of input length should be [1, ${maxTokens}]: ${field} has no tokens.`, field)
    }
    captions.set(part, caption)
  }
  return captions
}

/** What one part came to. */
interface Look {
  /** Of unit length, with all components of the engine. */
  vector: Float32Array
  textTokens: number
  images: number
  frames: number
  seconds: number
}

interface LookOptions extends Pick<EmbedContentsOptions, 'fetchMedia'> {
  request: CheckedMultimodalRequest
  captions: Captions
  compute: (sight: Sight, signal: AbortSignal) => Promise<Float32Array>
  readMedia: ReadMedia
  signal: AbortSignal
}

async function lookAt(part: InputPart, options: LookOptions): Promise<Look> {
  const { captions, compute, signal } = options
  const nothing = { textTokens: 0, images: 0, frames: 0, seconds: 0 }
  switch (part.kind) {
    case 'text': {
      const caption = captions.get(part)
      if (caption === undefined) throw new TypeError('every text was tokenised')
      return { ...nothing, vector: await compute({ caption }, signal), textTokens: caption.ids.length }
    }
    case 'image':
      return { ...nothing, vector: await lookAtImage(part.source, part.field, options), images: 1 }
    case 'multi_images': {
      const units = await lookAtImages(part.sources, part.field, options)
      return { ...nothing, vector: fuse(units), images: units.length }
    }
    case 'video': {
      if (isMediaSource(part.source)) return { ...nothing, ...(await lookAtVideo(part.source, part.field, options)) }
      const units = await lookAtImages(evenly(part.source, options.request.maxFrames), part.field, options)
      return { ...nothing, vector: fuse(units), frames: units.length }
    }
  }
}

/** One after the other: a part takes no more room than a picture. */
async function lookAtImages(
  sources: readonly MediaSource[],
  field: string,
  options: LookOptions,
): Promise<Float32Array[]> {
  const units: Float32Array[] = []
  for (const [index, source] of sources.entries()) {
    units.push(await lookAtImage(source, `${field}[${index}]`, options))
  }
  return units
}

function lookAtImage(source: MediaSource, field: string, options: LookOptions): Promise<Float32Array> {
  const { request, compute, readMedia, fetchMedia, signal } = options
  const wanted = { fetchMedia, maxBytes: request.model.maxImageBytes, field, signal }
  return named(field, () => readMedia.image(source, wanted, (picture) => compute({ picture }, signal)))
}

function lookAtVideo(source: MediaSource, field: string, options: LookOptions) {
  const { request, compute, readMedia, fetchMedia, signal } = options
  const { fps, maxFrames, model } = request
  const wanted = { fetchMedia, maxBytes: model.maxVideoBytes, field, signal, fps, maxFrames }
  return named(field, () =>
    readMedia.video(source, wanted, async ({ pictures, duration }) => {
      const units = await Promise.all(pictures.map((picture) => compute({ picture }, signal)))
      return { vector: fuse(units), frames: units.length, seconds: duration }
    }),
  )
}

/** At most `most` elements, in the middle of as many equal stretches. */
function evenly<Element>(list: readonly Element[], most: number): Element[] {
  if (list.length <= most) return [...list]
  const step = list.length / most
  return Array.from({ length: most }, (_, i) => list[Math.floor((i + 0.5) * step)] as Element) // below length
}

/** What is wrong with a file names its field, in the message too: errors of the native dialect have nothing else. */
async function named<Value>(field: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ApiError) || ERRORS[error.row][0] >= 500) throw error
    const { row, message, cause } = error
    throw new ApiError(row, `${message} (${field})`, { cause, param: field })
  }
}

function sum(looks: readonly Look[], of: (look: Look) => number): number {
  return looks.reduce((total, look) => total + of(look), 0)
}

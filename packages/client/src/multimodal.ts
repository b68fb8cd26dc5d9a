import { toBase64 } from './base64.js'
import type { CallOptions } from './call.js'
import { QuiverError } from './quiver-error.js'
import type { HttpAnswer, HttpRequest } from './transport.js'

const PATH = '/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding'
/** Written down here, so that an update of a server changes no vectors. */
const DEFAULT_MULTIMODAL_MODEL = 'multimodal-embedding-v1'

/** A picture or video: a URL that the server can reach, a data URI, or the bytes of the file. */
export type Media = string | Uint8Array

/** What one vector is made of: a text, or one thing or several together. */
export type MultimodalInput =
  | string
  | {
      text?: string
      image?: Media
      /** Several pictures of one thing, where the model takes them. */
      multiImages?: readonly Media[]
      /** A file, or its frames as pictures. */
      video?: Media | readonly Media[]
    }

export interface MultimodalOptions extends CallOptions {
  /** Default: `multimodal-embedding-v1`. */
  model?: string
  /** Components of each vector; default: the model's. */
  dimension?: number
  /** One vector of all inputs, for models that can be asked. */
  isFused?: boolean
  /** Frames taken out of a second of video, at most: 0 to 1. */
  fps?: number
  /** Frames taken out of a video, at most: 1 to 64. */
  maxVideoFrames?: number
}

/** Vectors in the order of the inputs. */
export interface MultimodalAnswer {
  vectors: Float32Array[]
  /** What each vector is of, in the words of the model: `text`, `image`, `video`, `fused` …. */
  types: string[]
  /** As the model counts: `input_tokens`, `image_tokens` …. */
  usage: Readonly<Record<string, unknown>>
  /** Fingerprint of the vector space: store it beside the vectors, never compare vectors of two spaces. */
  space: string
  requestId: string
  /** Positions of the inputs of whose text only the beginning was embedded. */
  truncated: number[]
}

/** All inputs in one request: how many it may have is the model's. */
export function encodeMultimodal(inputs: readonly MultimodalInput[], options: MultimodalOptions): HttpRequest {
  const { model = DEFAULT_MULTIMODAL_MODEL, dimension, isFused, fps, maxVideoFrames } = options
  return {
    path: PATH,
    // A source `oss://` is of no use to those who have not uploaded it; for those who have, this makes it one.
    headers: { 'x-dashscope-ossresourceresolve': 'enable' },
    body: {
      model,
      input: { contents: inputs.map(toContent) },
      parameters: { dimension, enable_fusion: isFused, fps, max_video_frames: maxVideoFrames },
    },
  }
}

/** The endpoint's answer; docs/api/multimodal-embedding.md. */
interface Answer {
  output: { embeddings: { index: number; embedding: number[]; type: string }[] }
  usage: Record<string, unknown>
}

/** @throws {QuiverError} `invalid_answer` */
export function decodeMultimodal({ json, requestId, space, truncated }: HttpAnswer): MultimodalAnswer {
  try {
    const { output, usage } = json as Answer // a shape that is not the promised one throws below
    const ordered = output.embeddings.toSorted((a, b) => a.index - b.index)
    if (ordered.some(({ index }, position) => index !== position)) throw new RangeError('positions are missing')
    return {
      vectors: ordered.map(({ embedding }) => Float32Array.from(embedding)), // the digits name exactly these values
      types: ordered.map(({ type }) => type),
      usage,
      space,
      requestId,
      truncated,
    }
  } catch (cause) {
    const message = 'The answer has another shape than the documented one; is this a Quiver server?'
    throw new QuiverError(message, { code: 'invalid_answer', requestId, cause })
  }
}

function toContent(input: MultimodalInput): unknown {
  if (typeof input === 'string') return { text: input }
  const { text, image, multiImages, video } = input
  return {
    ...(text !== undefined && { text }),
    ...(image !== undefined && { image: toSource(image, 'image/*') }),
    ...(multiImages !== undefined && { multi_images: multiImages.map((media) => toSource(media, 'image/*')) }),
    ...(video !== undefined && {
      video: isMedia(video) ? toSource(video, 'video/*') : video.map((media) => toSource(media, 'image/*')),
    }),
  }
}

const isMedia = (video: Media | readonly Media[]): video is Media =>
  typeof video === 'string' || video instanceof Uint8Array

/** The server looks at the bytes, not at the type. */
function toSource(media: Media, type: string): string {
  return typeof media === 'string' ? media : `data:${type};base64,${toBase64(media)}`
}

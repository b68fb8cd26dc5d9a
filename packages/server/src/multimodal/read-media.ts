import type { MediaSource } from '@quiver/protocol'
import type { Picture, SampledVideo } from '../media/picture.js'
import { Slots } from '../media/slots.js'
import { inlineBytes } from './inline-media.js'

/** Bytes of what a caller named. @throws {ApiError} and the signal's reason. */
export type FetchMedia = (
  source: string,
  options: { maxBytes: number; field: string; signal: AbortSignal },
) => Promise<Uint8Array>

export interface ReadOptions {
  fetchMedia: FetchMedia
  maxBytes: number
  /** Where the source came from. */
  field: string
  signal: AbortSignal
}

export interface FrameOptions {
  /** Frames of a second, at most. */
  fps: number
  maxFrames: number
}

/** Sources → pictures, for as long as they are used: they are large, so few are there at a time. */
export interface ReadMedia {
  /** @throws {ApiError} `invalid_url`, `download_failed`, `invalid_media`; what `use` throws; the signal's reason. */
  image<Value>(source: MediaSource, options: ReadOptions, use: (picture: Picture) => Promise<Value>): Promise<Value>
  /** Likewise. */
  video<Value>(
    source: MediaSource,
    options: ReadOptions & FrameOptions,
    use: (video: SampledVideo) => Promise<Value>,
  ): Promise<Value>
}

export interface MediaDecoders {
  decodeImage(bytes: Uint8Array, options: { maxBytes: number; signal: AbortSignal }): Promise<Picture>
  sampleFrames(
    bytes: Uint8Array,
    options: FrameOptions & { maxBytes: number; signal: AbortSignal },
  ): Promise<SampledVideo>
}

/** Of the whole process. Files that come over the network, of up to 50 MB; slow ones hold up none that are here. */
const FETCHES = 16
const MAX_WAITING = 1024

/**
 * @param options.room pictures and videos that may be in memory at once, from decoding until the engine has seen them: up to
 *   150 MB each.
 */
export function createReadMedia(
  { decodeImage, sampleFrames }: MediaDecoders,
  { room: most }: { room: number },
): ReadMedia {
  const fetches = new Slots(FETCHES, { maxWaiting: MAX_WAITING })
  const room = new Slots(most, { maxWaiting: MAX_WAITING })
  const bytesOf = async (source: MediaSource, options: ReadOptions): Promise<Uint8Array> => {
    if (typeof source !== 'string') return source
    return (
      inlineBytes(source, options) ?? (await fetches.run(() => options.fetchMedia(source, options), options.signal))
    )
  }
  return {
    async image(source, options, use) {
      const bytes = await bytesOf(source, options)
      return await room.run(async () => use(await decodeImage(bytes, options)), options.signal)
    },
    async video(source, options, use) {
      const bytes = await bytesOf(source, options)
      return await room.run(async () => use(await sampleFrames(bytes, options)), options.signal)
    },
  }
}

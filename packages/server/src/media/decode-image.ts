import { decodeBmp, decodeDib } from './bmp.js'
import { runBounded } from './bounded.js'
import type { DecodeOptions } from './check-pixels.js'
import { decodeIcns } from './icns.js'
import { decodeIco } from './ico.js'
import { type ImageFormat, imageFormatOf } from './image-format.js'
import { invalidMedia } from './invalid-media.js'
import { IMAGE_LIMITS, type ImageLimits } from './limits.js'
import type { Picture } from './picture.js'
import { decodeSgi } from './sgi.js'
import { Slots } from './slots.js'
import { decodeWithSharp } from './with-sharp.js'

export interface DecodeImageOptions {
  limits?: ImageLimits
  /**
   * A JPEG or WebP may come smaller, by a power of two, as long as its shorter side keeps so many pixels: several times
   * faster, but no longer what a full decode and resize would give. For models that ask for it.
   */
  atLeast?: number
  /** Who waits for whom; all of the process unless a test says otherwise. */
  slots?: Slots
  signal: AbortSignal
}

/** libvips' memory and threads are the process's, and so is the bound on them. */
const DECODING = new Slots(2, { maxWaiting: 256 })

type Decode = (bytes: Uint8Array, options: DecodeOptions) => Promise<Picture>

/** What strangers compress with is libvips' matter; what is hardly more than rows of pixels is read here. */
const DECODERS: Record<ImageFormat, Decode> = {
  jpeg: decodeWithSharp,
  png: decodeWithSharp,
  webp: decodeWithSharp,
  gif: decodeWithSharp,
  tiff: decodeWithSharp,
  avif: decodeWithSharp,
  bmp: decodeBmp,
  dib: decodeDib,
  ico: decodeIco,
  icns: decodeIcns,
  sgi: decodeSgi,
}

/**
 * A picture out of the bytes of a file: upright by its EXIF orientation, alpha flattened on white, CMYK and grey made
 * sRGB, 16 bits made 8, the first of several frames. Colour profiles are not applied: what models learnt from was
 * decoded without them, and they are a parser more that strangers' bytes would reach.
 *
 * Wall time is bounded by `limits.timeoutMs`; what libvips has begun cannot be interrupted at every point, so a slot
 * stays taken until it has really ended.
 *
 * @throws {ApiError} `invalid_media` for what is no picture, is broken or over a limit; `overloaded` when too many wait.
 * @throws the signal's reason.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeImageOptions): Promise<Picture> {
  const { limits = IMAGE_LIMITS, slots = DECODING, atLeast, signal } = options
  if (bytes.length === 0) throw invalidMedia('the picture is empty')
  if (bytes.length > limits.maxBytes) {
    throw invalidMedia(`the picture has ${bytes.length} bytes; at most ${limits.maxBytes} are allowed`)
  }
  const format = imageFormatOf(bytes)
  if (format === undefined)
    throw invalidMedia(`it is no picture of a known format (${Object.keys(DECODERS).join(', ')})`)
  const work = (either: AbortSignal) => DECODERS[format](bytes, { limits, atLeast, signal: either })
  return await runBounded(work, { slots, timeoutMs: limits.timeoutMs, doing: 'decoding the picture', signal })
}

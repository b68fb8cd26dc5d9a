import { invalidMedia } from './invalid-media.js'
import type { ImageLimits } from './limits.js'

/** What the decoder of a format gets besides the bytes. */
export interface DecodeOptions {
  limits: ImageLimits
  /** A picture may come smaller, its shorter side at least so many pixels. */
  atLeast?: number | undefined
  signal: AbortSignal
}

/** @throws {ApiError} `invalid_media` unless the picture has pixels, and no more than allowed. */
export function checkPixels(
  { width, height }: { width: number; height: number },
  { maxPixels }: Pick<ImageLimits, 'maxPixels'>,
): void {
  if (!(width >= 1 && height >= 1)) throw invalidMedia('the picture has no pixels')
  if (width * height <= maxPixels) return
  throw invalidMedia(`the picture has ${width} × ${height} pixels; at most ${maxPixels} are allowed`)
}

import type { DecodeOptions } from './check-pixels.js'
import { imageFormatOf } from './image-format.js'
import { invalidMedia } from './invalid-media.js'
import type { Picture } from './picture.js'
import { decodeWithSharp } from './with-sharp.js'

/** Of the file and of each part: four letters and the length, both included. */
const HEADER_BYTES = 8

/**
 * The largest PNG of an Apple icon. Icons of before 2007 (run lengths, JPEG 2000) are refused.
 *
 * @throws {ApiError} `invalid_media`.
 */
export async function decodeIcns(bytes: Uint8Array, options: DecodeOptions): Promise<Picture> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pictures: Uint8Array[] = []
  for (let at = HEADER_BYTES; at + HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint32(at + 4)
    if (length < HEADER_BYTES || at + length > bytes.length) throw invalidMedia('the icon is broken or cut off')
    const part = bytes.subarray(at + HEADER_BYTES, at + length)
    if (imageFormatOf(part) === 'png') pictures.push(part)
    at += length
  }
  const [largest] = pictures.sort((a, b) => pngWidth(b) - pngWidth(a))
  if (largest === undefined) throw invalidMedia('the icon holds no PNG')
  return await decodeWithSharp(largest, options)
}

/** The first chunk of a PNG is its header, and begins with the width. */
function pngWidth(png: Uint8Array): number {
  return png.length < 20 ? 0 : new DataView(png.buffer, png.byteOffset, png.byteLength).getUint32(16)
}

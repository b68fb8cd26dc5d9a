import { decodeDib } from './bmp.js'
import type { DecodeOptions } from './check-pixels.js'
import { imageFormatOf } from './image-format.js'
import { invalidMedia } from './invalid-media.js'
import type { Picture } from './picture.js'
import { decodeWithSharp } from './with-sharp.js'

const HEADER_BYTES = 6
const ENTRY_BYTES = 16

/** The largest picture of a Windows icon, of equals the one with most colours. @throws {ApiError} `invalid_media`. */
export async function decodeIco(bytes: Uint8Array, options: DecodeOptions): Promise<Picture> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(4, true)
  if (HEADER_BYTES + count * ENTRY_BYTES > bytes.length) throw invalidMedia('the icon is broken or cut off')
  const entries = Array.from({ length: count }, (_, i) => readEntry(view, HEADER_BYTES + i * ENTRY_BYTES))
  const [best] = entries.sort((a, b) => b.pixels - a.pixels || b.bits - a.bits)
  if (best === undefined || best.at + best.bytes > bytes.length) throw invalidMedia('the icon is broken or cut off')
  const picture = bytes.subarray(best.at, best.at + best.bytes)
  if (imageFormatOf(picture) === 'png') return await decodeWithSharp(picture, options)
  return await decodeDib(picture, { ...options, isIcon: true })
}

function readEntry(view: DataView, at: number): { pixels: number; bits: number; bytes: number; at: number } {
  const [width, height] = [view.getUint8(at) || 256, view.getUint8(at + 1) || 256] // 0 means 256
  return {
    pixels: width * height,
    bits: view.getUint16(at + 6, true),
    bytes: view.getUint32(at + 8, true),
    at: view.getUint32(at + 12, true),
  }
}

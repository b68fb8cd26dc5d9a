/**
 * Windows bitmaps: BMP files, and the DIBs inside of icons.
 *
 * Written here because no kept package reads them all: the common ones ignore where the pixels begin, stop at odd widths
 * of 4 bits, and know run lengths only in part. Every depth and compression that Windows writes is read (1, 2, 4, 8, 16,
 * 24, 32 bits; run lengths; bit fields), but JPEG and PNG inside of a BMP. Linear in the bytes and pixels.
 *
 * @see https://learn.microsoft.com/windows/win32/gdi/bitmap-storage
 */
import { setImmediate as turn } from 'node:timers/promises'
import { checkPixels, type DecodeOptions } from './check-pixels.js'
import { invalidMedia } from './invalid-media.js'
import type { Picture } from './picture.js'

/** What the headers say. */
interface Dib {
  width: number
  height: number
  isTopDown: boolean
  bits: number
  compression: number
  /** Red, green, blue, alpha; 0 where there is none. */
  masks: readonly [number, number, number, number]
  /** Entries of 3 bytes: R G B. */
  palette: Uint8Array
  /** First byte after header, masks and palette. */
  end: number
}

interface DibOptions extends DecodeOptions {
  /** Inside of an icon: twice as high, because a mask of 1 bit follows; and 32 bits carry alpha. */
  isIcon?: boolean
}

const COMPRESSION = { none: 0, rle8: 1, rle4: 2, bitfields: 3, alphaBitfields: 6 } as const
const FILE_HEADER_BYTES = 14
const CORE_HEADER_BYTES = 12
const HEADER_BYTES: readonly number[] = [CORE_HEADER_BYTES, 40, 52, 56, 64, 108, 124]
/** How long rows may be decoded before others get a turn of the event loop. */
const LONGEST_TURN_MS = 10

/** A BMP file. @throws {ApiError} `invalid_media`. */
export function decodeBmp(bytes: Uint8Array, options: DecodeOptions): Promise<Picture> {
  return guarded(() => {
    const view = viewOf(bytes)
    const dib = readHeader(view, FILE_HEADER_BYTES, false)
    const pixelsAt = view.getUint32(10, true)
    return decodePixels(view, dib, { at: pixelsAt > FILE_HEADER_BYTES ? pixelsAt : dib.end, options })
  }, options)
}

/** A bitmap without the file's header. @throws {ApiError} `invalid_media`. */
export function decodeDib(bytes: Uint8Array, options: DibOptions): Promise<Picture> {
  return guarded(async () => {
    const view = viewOf(bytes)
    const dib = readHeader(view, 0, options.isIcon === true)
    const picture = await decodePixels(view, dib, { at: dib.end, options })
    if (options.isIcon === true && dib.bits < 32) whitenMasked(view, picture, dib.end + strideOf(dib) * dib.height)
    return picture
  }, options)
}

/** The mask of an icon: a bit for each pixel that is not to be seen. */
function whitenMasked(view: DataView, { width, height, rgb }: Picture, at: number): void {
  const stride = strideOf({ width, bits: 1 })
  for (let row = 0; row < height; row++) {
    const y = height - 1 - row
    for (let x = 0; x < width; x++) {
      const isMasked = (view.getUint8(at + row * stride + (x >> 3)) >> (7 - (x & 7))) & 1
      if (isMasked === 1) rgb.fill(255, (y * width + x) * 3, (y * width + x + 1) * 3)
    }
  }
}

/** Bytes of a row: a multiple of 4. */
function strideOf({ width, bits }: Pick<Dib, 'width' | 'bits'>): number {
  return Math.ceil((width * bits) / 32) * 4
}

/** A read past the end is how a file shows that it was cut off. */
async function guarded(decode: () => Promise<Picture>, { signal }: DecodeOptions): Promise<Picture> {
  try {
    return await decode()
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof RangeError) throw invalidMedia('the bitmap is broken or cut off', { cause: error })
    throw error
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function readHeader(view: DataView, at: number, isIcon: boolean): Dib {
  const headerBytes = view.getUint32(at, true)
  if (!HEADER_BYTES.includes(headerBytes)) throw invalidMedia('the bitmap has a header of an unknown kind')
  const isCore = headerBytes === CORE_HEADER_BYTES
  const width = isCore ? view.getUint16(at + 4, true) : view.getInt32(at + 4, true)
  const signedHeight = isCore ? view.getUint16(at + 6, true) : view.getInt32(at + 8, true)
  const bits = view.getUint16(at + (isCore ? 10 : 14), true)
  const compression = isCore ? COMPRESSION.none : view.getUint32(at + 16, true)
  const ownMasks = readMasks(view, at, { headerBytes, bits, compression })
  const paletteAt = at + headerBytes + ownMasks.bytesAfterHeader
  const colours = isCore ? 0 : view.getUint32(at + 32, true)
  const palette = readPalette(view, paletteAt, { bits, colours, entryBytes: isCore ? 3 : 4 })
  return {
    width,
    height: isIcon ? Math.floor(Math.abs(signedHeight) / 2) : Math.abs(signedHeight),
    isTopDown: signedHeight < 0,
    bits,
    compression,
    masks: isIcon && bits === 32 ? [0xff0000, 0xff00, 0xff, 0xff000000] : ownMasks.masks,
    ...palette,
  }
}

function readMasks(
  view: DataView,
  at: number,
  { headerBytes, bits, compression }: { headerBytes: number; bits: number; compression: number },
): { masks: Dib['masks']; bytesAfterHeader: number } {
  if (compression !== COMPRESSION.bitfields && compression !== COMPRESSION.alphaBitfields) {
    return { masks: bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0], bytesAfterHeader: 0 }
  }
  const isInside = headerBytes >= 52 && headerBytes !== 64
  const hasAlpha = isInside ? headerBytes >= 56 : compression === COMPRESSION.alphaBitfields
  const [red, green, blue] = [40, 44, 48].map((offset) => view.getUint32(at + offset, true))
  const alpha = hasAlpha ? view.getUint32(at + 52, true) : 0
  const bytesAfterHeader = isInside ? 0 : hasAlpha ? 16 : 12
  return { masks: [red ?? 0, green ?? 0, blue ?? 0, alpha], bytesAfterHeader }
}

function readPalette(
  view: DataView,
  at: number,
  { bits, colours, entryBytes }: { bits: number; colours: number; entryBytes: number },
): Pick<Dib, 'palette' | 'end'> {
  if (bits > 8) return { palette: new Uint8Array(0), end: at + Math.min(colours, 256) * entryBytes }
  const entries = colours === 0 ? 2 ** bits : Math.min(colours, 2 ** bits)
  const palette = new Uint8Array(2 ** bits * 3) // what the file leaves out is black
  for (let i = 0; i < entries; i++) {
    for (let channel = 0; channel < 3; channel++)
      palette[i * 3 + channel] = view.getUint8(at + i * entryBytes + 2 - channel)
  }
  return { palette, end: at + entries * entryBytes }
}

async function decodePixels(
  view: DataView,
  dib: Dib,
  { at, options }: { at: number; options: DecodeOptions },
): Promise<Picture> {
  const { width, height, isTopDown } = dib
  checkPixels(dib, options.limits)
  const readRow = rowReader(view, dib, at)
  const rgb = new Uint8Array(width * height * 3)
  let turnEndsAt = performance.now() + LONGEST_TURN_MS
  for (let row = 0; row < height; row++) {
    const y = isTopDown ? row : height - 1 - row
    readRow(row, rgb.subarray(y * width * 3, (y + 1) * width * 3))
    if (performance.now() < turnEndsAt) continue
    await turn()
    options.signal.throwIfAborted()
    turnEndsAt = performance.now() + LONGEST_TURN_MS
  }
  return { width, height, rgb }
}

/** Writes the colours of one row; rows are asked for in the order of the file. */
type ReadRow = (row: number, rgb: Uint8Array) => void

function rowReader(view: DataView, dib: Dib, at: number): ReadRow {
  const { bits, compression, width, height } = dib
  const isPlain = compression === COMPRESSION.none
  if (compression === COMPRESSION.rle8 && bits === 8) return runLengthRows(view, dib, at)
  if (compression === COMPRESSION.rle4 && bits === 4) return runLengthRows(view, dib, at)
  const stride = strideOf(dib)
  const lastByte = at + stride * (height - 1) + Math.ceil((width * bits) / 8)
  if (lastByte > view.byteLength) throw invalidMedia('the bitmap is broken or cut off')
  if (isPlain && [1, 2, 4, 8].includes(bits)) return paletteRows(view, dib, { at, stride })
  if (isPlain && bits === 24) return plainRows(view, dib, { at, stride })
  const hasFields = isPlain || compression === COMPRESSION.bitfields || compression === COMPRESSION.alphaBitfields
  if (hasFields && (bits === 16 || bits === 32)) return fieldRows(view, dib, { at, stride })
  throw invalidMedia('the bitmap has a depth or compression that is not decoded')
}

function paletteRows(
  view: DataView,
  { bits, width, palette }: Dib,
  { at, stride }: { at: number; stride: number },
): ReadRow {
  const perByte = 8 / bits
  const mask = 2 ** bits - 1
  return (row, rgb) => {
    for (let x = 0; x < width; x++) {
      const byte = view.getUint8(at + row * stride + Math.floor(x / perByte))
      const index = (byte >> (8 - bits * ((x % perByte) + 1))) & mask
      for (let channel = 0; channel < 3; channel++) rgb[x * 3 + channel] = palette[index * 3 + channel] ?? 0
    }
  }
}

function plainRows(view: DataView, { width }: Dib, { at, stride }: { at: number; stride: number }): ReadRow {
  return (row, rgb) => {
    for (let x = 0, from = at + row * stride; x < width * 3; x += 3, from += 3) {
      rgb[x] = view.getUint8(from + 2)
      rgb[x + 1] = view.getUint8(from + 1)
      rgb[x + 2] = view.getUint8(from)
    }
  }
}

/** 16 and 32 bits: each channel where its mask says. Alpha counts only where some pixel has any; many writers leave 0. */
function fieldRows(view: DataView, dib: Dib, { at, stride }: { at: number; stride: number }): ReadRow {
  const { bits, width, height } = dib
  const [red, green, blue, alpha] = dib.masks.map(fieldOf)
  if (red === undefined || green === undefined || blue === undefined)
    throw new TypeError('three masks are always there')
  const pixelAt = (row: number, x: number) => {
    const from = at + row * stride + (x * bits) / 8
    return bits === 16 ? view.getUint16(from, true) : view.getUint32(from, true)
  }
  const isTranslucent = alpha !== undefined && dib.masks[3] !== 0 && hasAny(dib.masks[3], { width, height, pixelAt })
  return (row, rgb) => {
    for (let x = 0; x < width; x++) {
      const pixel = pixelAt(row, x)
      const opacity = isTranslucent ? alpha(pixel) / 255 : 1
      const onWhite = (value: number) => Math.round(value * opacity + 255 * (1 - opacity))
      rgb[x * 3] = onWhite(red(pixel))
      rgb[x * 3 + 1] = onWhite(green(pixel))
      rgb[x * 3 + 2] = onWhite(blue(pixel))
    }
  }
}

/** Reads the bits of a mask, scaled to 0…255. @throws {ApiError} `invalid_media` when they are not next to each other. */
function fieldOf(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0
  const shift = 31 - Math.clz32(mask & -mask)
  const most = mask >>> shift
  if ((most & (most + 1)) !== 0) throw invalidMedia('the bitmap has colour masks with gaps')
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / most)
}

function hasAny(
  mask: number,
  { width, height, pixelAt }: { width: number; height: number; pixelAt: (row: number, x: number) => number },
): boolean {
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < width; x++) if ((pixelAt(row, x) & mask) !== 0) return true
  }
  return false
}

/**
 * Run lengths of 4 or 8 bits. A pair of bytes is a count and a colour; after a count of 0 comes the end of the row (0), of
 * the picture (1), a step right and up (2), or so many colours as they are. What is never written has the first colour.
 */
function runLengthRows(view: DataView, { bits, width, palette }: Dib, at: number): ReadRow {
  const indices = new Uint8Array(width)
  let position = at
  /** Where the step of a 2 goes on; its rows in between stay empty. */
  let resumeRow = 0
  let resumeX = 0
  let isOver = false
  const next = () => view.getUint8(position++)
  const colourOf = (byte: number, i: number) => (bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15)
  const absolute = (x: number, count: number) => {
    const bytes = Math.ceil((count * bits) / 8)
    for (let i = 0; i < count && x + i < width; i++) {
      indices[x + i] = colourOf(view.getUint8(position + Math.floor((i * bits) / 8)), i)
    }
    position += bytes + (bytes % 2) // always an even number
  }
  /** Fills `indices` until the row ends. */
  const readIndices = (row: number) => {
    for (let x = resumeX; ; ) {
      if (x >= width && position >= view.byteLength) return // some writers leave the end out
      const [count, value] = [next(), next()]
      if (count > 0) {
        for (let i = 0; i < count && x + i < width; i++) indices[x + i] = colourOf(value, i)
        x += count
      } else if (value > 2) {
        absolute(x, value)
        x += value
      } else if (value === 2) {
        x += next()
        const rows = next()
        if (rows === 0) continue
        resumeRow = row + rows
        resumeX = x
        return
      } else {
        isOver = value === 1
        resumeRow = row + 1
        resumeX = 0
        return
      }
    }
  }
  return (row, rgb) => {
    indices.fill(0)
    if (!isOver && row === resumeRow) readIndices(row)
    for (let x = 0; x < width; x++) {
      const index = indices[x] ?? 0
      for (let channel = 0; channel < 3; channel++) rgb[x * 3 + channel] = palette[index * 3 + channel] ?? 0
    }
  }
}

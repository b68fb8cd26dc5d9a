/**
 * Pictures of Silicon Graphics (.sgi, .rgb, .bw): planes of rows from the bottom, plain or in run lengths, 8 or 16 bits.
 * Linear in the bytes and pixels.
 *
 * @see Paul Haeberli, The SGI Image File Format, version 1.00
 */
import { setImmediate as turn } from 'node:timers/promises'
import { checkPixels, type DecodeOptions } from './check-pixels.js'
import { invalidMedia } from './invalid-media.js'
import type { Picture } from './picture.js'

const HEADER_BYTES = 512
/** How long rows may be decoded before others get a turn of the event loop. */
const LONGEST_TURN_MS = 10

interface Sgi {
  width: number
  height: number
  /** 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha. */
  channels: number
  isRunLength: boolean
  bytesPerValue: 1 | 2
}

/** @throws {ApiError} `invalid_media`. */
export async function decodeSgi(bytes: Uint8Array, { limits, signal }: DecodeOptions): Promise<Picture> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = readHeader(view)
  checkPixels(header, limits)
  const { width, height, channels } = header
  const rgb = new Uint8Array(width * height * 3)
  const rows = Array.from({ length: channels }, () => new Uint8Array(width))
  let turnEndsAt = performance.now() + LONGEST_TURN_MS
  for (let row = 0; row < height; row++) {
    for (const [channel, values] of rows.entries()) readRow(view, header, { index: channel * height + row, values })
    writeRow(rows, rgb.subarray((height - 1 - row) * width * 3, (height - row) * width * 3))
    if (performance.now() < turnEndsAt) continue
    await turn()
    signal.throwIfAborted()
    turnEndsAt = performance.now() + LONGEST_TURN_MS
  }
  return { width, height, rgb }
}

function readHeader(view: DataView): Sgi {
  if (view.byteLength < HEADER_BYTES) throw cutOff()
  const bytesPerValue = view.getUint8(3)
  const dimensions = view.getUint16(4)
  const isNormal = view.getUint32(104) === 0 // others hold colour maps or dithered bits, and nobody wrote them since
  const channels = dimensions === 3 ? view.getUint16(10) : 1
  if ((bytesPerValue !== 1 && bytesPerValue !== 2) || dimensions < 1 || dimensions > 3 || !isNormal || channels > 4) {
    throw invalidMedia('the picture is of a kind of SGI file that is not decoded')
  }
  const header = {
    width: view.getUint16(6),
    height: dimensions === 1 ? 1 : view.getUint16(8),
    channels,
    isRunLength: view.getUint8(2) === 1,
    bytesPerValue,
  } as const
  if (channels === 0) throw invalidMedia('the picture has no pixels')
  return header
}

/** Fills `values` with one row of one channel; 16 bits become their upper 8. */
function readRow(view: DataView, sgi: Sgi, { index, values }: { index: number; values: Uint8Array }): void {
  const { width, height, channels, isRunLength, bytesPerValue } = sgi
  if (isRunLength) {
    const tableAt = HEADER_BYTES + index * 4
    const lengthAt = tableAt + channels * height * 4
    if (lengthAt + 4 > view.byteLength) throw cutOff()
    const at = view.getUint32(tableAt)
    unpack(view, { at, end: at + view.getUint32(lengthAt), bytesPerValue, values })
    return
  }
  const at = HEADER_BYTES + index * width * bytesPerValue
  if (at + width * bytesPerValue > view.byteLength) throw cutOff()
  for (let x = 0; x < width; x++) values[x] = view.getUint8(at + x * bytesPerValue)
}

/** The low 7 bits count; the high one tells values as they are from one that is repeated; 0 ends the row. */
function unpack(
  view: DataView,
  { at, end, bytesPerValue, values }: { at: number; end: number; bytesPerValue: number; values: Uint8Array },
): void {
  if (end > view.byteLength) throw cutOff()
  const byteAt = (position: number) => {
    if (position >= end) throw cutOff()
    return view.getUint8(position)
  }
  let x = 0
  for (let position = at; x < values.length; ) {
    const code = byteAt(position + bytesPerValue - 1)
    position += bytesPerValue
    const count = code & 127
    if (count === 0) throw cutOff()
    const isLiteral = code > 127
    for (let i = 0; i < count && x < values.length; i++) {
      values[x++] = byteAt(position + (isLiteral ? i * bytesPerValue : 0))
    }
    position += isLiteral ? count * bytesPerValue : bytesPerValue
  }
}

function writeRow(rows: readonly Uint8Array[], rgb: Uint8Array): void {
  const [first, second, third, fourth] = rows
  const isColour = rows.length >= 3
  const alpha = isColour ? fourth : second
  const colours = isColour ? [first, second, third] : [first, first, first]
  for (const [channel, values] of colours.entries()) {
    for (let x = 0; x * 3 < rgb.length; x++) {
      const opacity = alpha === undefined ? 1 : (alpha[x] ?? 0) / 255
      rgb[x * 3 + channel] = Math.round((values?.[x] ?? 0) * opacity + 255 * (1 - opacity))
    }
  }
}

function cutOff() {
  return invalidMedia('the picture is broken or cut off')
}

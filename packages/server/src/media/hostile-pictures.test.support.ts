/** Pictures made byte by byte: what no encoder writes, because it lies, is cut off, or is two things at once. */
import { crc32, deflateSync } from 'node:zlib'

/** A PNG of 8-bit grey whose header says what it likes; `rows` are there really. */
export function png({
  width,
  height,
  rows = height,
  chunks = [],
}: {
  width: number
  height: number
  rows?: number
  chunks?: readonly (readonly [string, Uint8Array])[]
}): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.writeUInt8(8, 8) // bits; then grey, deflate, adaptive, not interlaced: all 0
  const pixels = deflateSync(Buffer.alloc(rows * (width + 1)), { level: 9 })
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    ...chunks.map(([type, data]) => pngChunk(type, data)),
    pngChunk('IDAT', pixels),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

function pngChunk(type: string, data: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(typed))
  return Buffer.concat([length, typed, check])
}

/** A colour profile that is 64 MiB of zeros behind a few KB of deflate. */
export function pngWithProfileBomb(): Buffer {
  const profile = Buffer.concat([Buffer.from('bomb\0\0', 'latin1'), deflateSync(Buffer.alloc(2 ** 26), { level: 9 })])
  return png({ width: 8, height: 8, chunks: [['iCCP', profile]] })
}

/** A GIF whose screen and frame have these sides; its data are one clear code and the end. */
export function gif({ width, height }: { width: number; height: number }): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt16LE(width, 0)
  size.writeUInt16LE(height, 2)
  return Buffer.concat([
    Buffer.from('GIF89a', 'latin1'),
    size,
    Buffer.from([0x80, 0, 0, 0, 0, 0, 255, 255, 255]), // two colours: black, white
    Buffer.from([0x2c, 0, 0, 0, 0]),
    size,
    Buffer.from([0, 2, 2, 0x4c, 0x01, 0, 0x3b]),
  ])
}

/** A TIFF of little endian whose entries are given; `data` follows them, at offset 8 + 2 + 12 × entries + 4. */
export function tiff(entries: readonly (readonly [tag: number, value: number])[], data: Uint8Array): Buffer {
  const head = Buffer.alloc(8 + 2 + entries.length * 12 + 4)
  head.write('II*\0', 0, 'latin1')
  head.writeUInt32LE(8, 4)
  head.writeUInt16LE(entries.length, 8)
  for (const [i, [tag, value]] of entries.entries()) {
    const at = 10 + i * 12
    head.writeUInt16LE(tag, at)
    head.writeUInt16LE(4, at + 2) // unsigned, 4 bytes
    head.writeUInt32LE(1, at + 4)
    head.writeUInt32LE(value, at + 8)
  }
  return Buffer.concat([head, data])
}

/** A BMP: headers of 14 and 40 bytes, a palette, pixels or run lengths. */
export function bmp({
  width,
  height,
  bits,
  compression = 0,
  palette = [],
  masks = [],
  pixels,
  declaredOffset,
}: {
  width: number
  /** Negative: rows from the top. */
  height: number
  bits: number
  compression?: number
  /** 0xRRGGBB. */
  palette?: readonly number[]
  masks?: readonly number[]
  pixels: Uint8Array | readonly number[]
  declaredOffset?: number
}): Buffer {
  const dib = Buffer.alloc(40 + masks.length * 4 + palette.length * 4)
  dib.writeUInt32LE(40, 0)
  dib.writeInt32LE(width, 4)
  dib.writeInt32LE(height, 8)
  dib.writeUInt16LE(1, 12)
  dib.writeUInt16LE(bits, 14)
  dib.writeUInt32LE(compression, 16)
  dib.writeUInt32LE(palette.length, 32)
  for (const [i, mask] of masks.entries()) dib.writeUInt32LE(mask, 40 + i * 4)
  for (const [i, colour] of palette.entries()) dib.writeUInt32LE(colour, 40 + masks.length * 4 + i * 4)
  const file = Buffer.alloc(14)
  file.write('BM', 0, 'latin1')
  file.writeUInt32LE(declaredOffset ?? 14 + dib.length, 10)
  return Buffer.concat([file, dib, Buffer.from(pixels)])
}

/** A Windows icon of the given pictures. */
export function ico(pictures: readonly { side: number; bits: number; data: Uint8Array }[]): Buffer {
  const head = Buffer.alloc(6 + pictures.length * 16)
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(pictures.length, 4)
  let at = head.length
  for (const [i, { side, bits, data }] of pictures.entries()) {
    head.writeUInt8(side % 256, 6 + i * 16)
    head.writeUInt8(side % 256, 7 + i * 16)
    head.writeUInt16LE(bits, 12 + i * 16)
    head.writeUInt32LE(data.length, 14 + i * 16)
    head.writeUInt32LE(at, 18 + i * 16)
    at += data.length
  }
  return Buffer.concat([head, ...pictures.map(({ data }) => data)])
}

import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { decodeImage } from './decode-image.js'
import { bmp, gif, ico, png, pngWithProfileBomb, tiff } from './hostile-pictures.test.support.js'
import { IMAGE_LIMITS } from './limits.js'
import type { Picture } from './picture.js'
import { Slots } from './slots.js'

const { signal } = new AbortController()
const decode = (bytes: Uint8Array) => decodeImage(bytes, { signal })

/** 40 × 30: red on the left, blue on the right half; the lower half darker. */
const CORNERS = { topLeft: [255, 0, 0], topRight: [0, 0, 255], bottomLeft: [128, 0, 0], bottomRight: [0, 0, 128] }
const quarters = Buffer.alloc(40 * 30 * 3)
for (let y = 0; y < 30; y++) {
  for (let x = 0; x < 40; x++) quarters[(y * 40 + x) * 3 + (x < 20 ? 0 : 2)] = y < 15 ? 255 : 128
}
const picture = () => sharp(quarters, { raw: { width: 40, height: 30, channels: 3 } })
const noise = (sigma = 30) =>
  sharp({
    create: { width: 400, height: 300, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma } },
  })

function cornersOf({ width, height, rgb }: Picture): typeof CORNERS {
  const at = (x: number, y: number) => [...rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)]
  const [right, bottom] = [width - 3, height - 3]
  return { topLeft: at(2, 2), topRight: at(right, 2), bottomLeft: at(2, bottom), bottomRight: at(right, bottom) }
}

/** Corners within what a lossy codec changes. */
function expectCorners(decoded: Picture, tolerance = 0): void {
  const corners = cornersOf(decoded)
  for (const [corner, expected] of Object.entries(CORNERS)) {
    const got = corners[corner as keyof typeof CORNERS] // its own keys
    for (const [i, value] of expected.entries()) expect(Math.abs((got[i] ?? -1) - value)).toBeLessThanOrEqual(tolerance)
  }
}

const refused = (message: RegExp) => ({
  name: 'ApiError',
  row: 'invalid_media',
  message: expect.stringMatching(message),
})

test.each([
  ['PNG', () => picture().png(), 0],
  ['PNG with a palette', () => picture().png({ palette: true }), 2],
  ['interlaced PNG', () => picture().png({ progressive: true }), 0],
  ['16-bit PNG', () => picture().toColourspace('rgb16').png(), 0],
  ['JPEG', () => picture().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }), 6],
  ['progressive JPEG', () => picture().jpeg({ progressive: true, quality: 100, chromaSubsampling: '4:4:4' }), 6],
  ['lossless WebP', () => picture().webp({ lossless: true }), 0],
  ['GIF', () => picture().gif(), 2],
  ['TIFF', () => picture().tiff({ compression: 'lzw' }), 0],
  ['16-bit TIFF', () => picture().toColourspace('rgb16').tiff({ compression: 'lzw' }), 0],
  ['AVIF', () => picture().avif({ lossless: true }), 2],
] as const)('%s is decoded', async (_name, make, tolerance) => {
  const decoded = await decode(await make().toBuffer())
  expect([decoded.width, decoded.height]).toEqual([40, 30])
  expectCorners(decoded, tolerance)
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i is applied', async (orientation) => {
  // What a camera would have stored, so that upright gives the picture back.
  const stored = { 1: {}, 2: { flop: true }, 3: { rotate: 180 }, 4: { flip: true } }[orientation]
  const turned = {
    5: { rotate: 90, flop: true },
    6: { rotate: 270 },
    7: { rotate: 270, flop: true },
    8: { rotate: 90 },
  }[orientation]
  const { rotate = 0, flip = false, flop = false } = { ...stored, ...turned } as Record<string, never>
  const rotated = await picture().rotate(rotate).png().toBuffer()
  const bytes = await sharp(rotated).flip(flip).flop(flop).withMetadata({ orientation }).png().toBuffer()
  const decoded = await decode(bytes)
  expect([decoded.width, decoded.height]).toEqual([40, 30])
  expectCorners(decoded)
})

test.each(['jpeg', 'tiff'] as const)('CMYK %s becomes sRGB', async (format) => {
  const bytes = await picture().toColourspace('cmyk').toFormat(format, { quality: 100 }).toBuffer()
  const { topLeft, topRight } = cornersOf(await decode(bytes))
  expect(topLeft[0]).toBeGreaterThan(topLeft[2] as number)
  expect(topRight[2]).toBeGreaterThan(topRight[0] as number)
})

test.each(['b-w', 'grey16'])('grey (%s) has three equal channels', async (space) => {
  const { width, height, rgb } = await decode(await picture().toColourspace(space).png().toBuffer())
  expect(rgb).toHaveLength(width * height * 3)
  for (let i = 0; i < rgb.length; i += 3) expect([rgb[i + 1], rgb[i + 2]]).toEqual([rgb[i], rgb[i]])
})

test.each([
  [1, [10, 20, 30]],
  [0.5, [132, 137, 142]],
  [0, [255, 255, 255]],
])('of opacity %d, a colour is laid on white', async (alpha, expected) => {
  const bytes = sharp({ create: { width: 4, height: 4, channels: 4, background: { r: 10, g: 20, b: 30, alpha } } })
  const { rgb } = await decode(await bytes.png().toBuffer())
  for (const [i, value] of expected.entries()) expect(Math.abs((rgb[i] ?? 0) - value)).toBeLessThanOrEqual(1)
})

test.each(['gif', 'webp'] as const)('of an animated %s, the first frame counts', async (format) => {
  const frames = await Promise.all(
    ['#ff0000', '#00ff00', '#0000ff'].map((background) =>
      sharp({ create: { width: 16, height: 16, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  const bytes = await sharp(frames, { join: { animated: true } })
    .toFormat(format)
    .toBuffer()
  expect((await sharp(bytes).metadata()).pages).toBe(3)
  const { width, height, rgb } = await decode(bytes)
  expect([width, height]).toEqual([16, 16])
  expect(rgb[0]).toBeGreaterThan(250)
  expect(rgb[1]).toBeLessThan(5)
})

test('of an animated PNG, the picture that all readers show counts', async () => {
  const control = Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])
  expect(await decode(png({ width: 8, height: 8, chunks: [['acTL', control]] }))).toMatchObject({ width: 8, height: 8 })
})

test('where the model allows it, a JPEG comes smaller by a power of two, never under what was asked', async () => {
  const bytes = await picture().resize(1600, 1200).jpeg().toBuffer()
  const sides = async (atLeast: number) => {
    const { width, height } = await decodeImage(bytes, { signal, atLeast })
    return [width, height]
  }
  expect(await sides(150)).toEqual([200, 150])
  expect(await sides(151)).toEqual([400, 300])
  expect(await sides(1200)).toEqual([1600, 1200])
})

test('half of a JPEG that was made small is what libjpeg gives, without another resampling', async () => {
  const flat = sharp({ create: { width: 401, height: 301, channels: 3, background: '#336699' } })
  const { width, height, rgb } = await decodeImage(await flat.jpeg().toBuffer(), { signal, atLeast: 100 })
  expect([width, height]).toEqual([201, 151])
  for (const [i, value] of [0x33, 0x66, 0x99].entries()) expect(Math.abs((rgb[i] ?? 0) - value)).toBeLessThan(3)
})

const bombs: [string, () => Buffer][] = [
  ['PNG of 30,000 × 30,000', () => png({ width: 30_000, height: 30_000, rows: 30 })],
  ['GIF of 65,535 × 65,535', () => gif({ width: 65_535, height: 65_535 })],
  ['TIFF of 100,000 × 100,000', () => deepTiff(100_000)],
  [
    'BMP of 30,000 × 30,000 in run lengths',
    () => bmp({ width: 30_000, height: 30_000, bits: 8, compression: 1, palette: [0], pixels: [0, 1] }),
  ],
]

test.each(bombs)('pixel bomb: %s is refused by its header', async (_name, make) => {
  const bytes = make()
  expect(bytes.length).toBeLessThan(10_000)
  const before = process.memoryUsage().rss
  await expect(decode(bytes)).rejects.toMatchObject(refused(/\d+ × \d+ pixels; at most 50000000 are allowed/))
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
})

test('pixel bombs of WebP, AVIF and JPEG are refused by their headers', async () => {
  const limits = { ...IMAGE_LIMITS, maxPixels: 100_000 }
  for (const format of ['webp', 'avif', 'jpeg'] as const) {
    const bytes = await noise(1).toFormat(format, { effort: 0 }).toBuffer()
    await expect(decodeImage(bytes, { signal, limits })).rejects.toMatchObject(refused(/400 × 300 pixels/))
  }
})

test('a colour profile of 64 MiB behind a few KB is never unpacked', async () => {
  const bytes = pngWithProfileBomb()
  const before = process.memoryUsage().rss
  const outcome = await decode(bytes).catch((error) => error)
  expect(outcome).toEqual(expect.objectContaining({ width: 8, height: 8 }))
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 25)
})

test.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)(
  'a %s that is cut off is refused',
  async (format) => {
    const bytes = await noise().toFormat(format, { effort: 1 }).toBuffer()
    for (const part of [0.02, 0.5, 0.9]) {
      const outcome = decode(bytes.subarray(0, Math.floor(bytes.length * part)))
      await expect(outcome).rejects.toMatchObject(refused(/broken or cut off/))
    }
  },
)

test.each([
  ['nothing', ''],
  ['text', 'not a picture at all, but rather long'],
  ['HTML', '<!doctype html><img src=x onerror=alert(1)>'],
  ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>'],
  [
    'SVG with a declaration',
    '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
  ],
  ['PDF', '%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj'],
  ['PostScript', '%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file'],
  ['MVG of ImageMagick', 'push graphic-context\nimage over 0,0 0,0 "https://example.com/x"'],
  ['ZIP', 'PK\x03\x04 and so on'],
  ['PPM', 'P6 1 1 255 abc'],
  ['FITS', 'SIMPLE  =                    T'],
  ['Radiance', '#?RADIANCE\n'],
  ['OpenEXR', 'v/1\x01\x02\0\0\0'],
  ['HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic'],
  ['MP4', '\0\0\0\x18ftypisom\0\0\0\0isomiso2'],
  ['JPEG 2000', '\0\0\0\x0cjP  \r\n\x87\n'],
  ['gzipped SVG', '\x1f\x8b\x08\0'],
])('%s is no picture', async (_name, content) => {
  await expect(decode(Buffer.from(content, 'latin1'))).rejects.toMatchObject(
    refused(/empty|no picture of a known format/),
  )
})

test.each([
  ['JPEG', '\xff\xd8\xff\xe0'],
  ['PNG', '\x89PNG\r\n\x1a\n'],
  ['GIF', 'GIF89a'],
  ['WebP', 'RIFF\x10\0\0\0WEBPVP8 '],
  ['TIFF', 'II*\0'],
  ['AVIF', '\0\0\0\x18ftypavif'],
  ['BMP', 'BM'],
  ['ICO', '\0\0\x01\0\x01\0'],
  ['ICNS', 'icns\0\0\0\x10'],
  ['SGI', '\x01\xda\x01\x01'],
  ['DIB', '\x28\0\0\0\x08\0\0\0\x08\0\0\0\x01\0'],
])('what begins as %s and goes on as a page or a picture of another kind is refused', async (_name, magic) => {
  for (const rest of ['<svg xmlns="http://www.w3.org/2000/svg"/>', '%PDF-1.7', '\x89PNG\r\n\x1a\n', '\0'.repeat(600)]) {
    await expect(decode(Buffer.from(magic + rest, 'latin1'))).rejects.toMatchObject(
      refused(/broken|cut off|no pixels|not decoded|unknown kind|no PNG|pixels; at most/),
    )
  }
})

test('two things at once are the picture they begin as: JPEG and ZIP, GIF and JavaScript', async () => {
  const jpeg = Buffer.concat([await picture().jpeg().toBuffer(), Buffer.from('PK\x03\x04evil.zip', 'latin1')])
  expect(await decode(jpeg)).toMatchObject({ width: 40, height: 30 })
  const script = Buffer.concat([await picture().gif().toBuffer(), Buffer.from('/*=1;alert(1)//')])
  expect(await decode(script)).toMatchObject({ width: 40, height: 30 })
})

test('a TIFF whose pictures go in a circle, or lie outside of it, is refused or shows its first', async () => {
  const circle = tiff(
    [
      [256, 1],
      [257, 1],
      [258, 8],
      [262, 1],
      [273, 8],
      [279, 1],
    ],
    Buffer.from([8, 0, 0, 0]),
  )
  circle.writeUInt32LE(8, circle.length - 8) // the next directory is this one
  const outcome = await decode(circle).catch((error) => error)
  expect(outcome.row ?? outcome.width).toSatisfy((seen: unknown) => seen === 'invalid_media' || seen === 1)
  const outside = tiff(
    [
      [256, 64],
      [257, 64],
      [258, 8],
      [262, 1],
      [273, 2 ** 31],
      [279, 4_096],
    ],
    Buffer.alloc(4),
  )
  await expect(decode(outside)).rejects.toMatchObject(refused(/broken or cut off/))
})

test('no word of a decoder, and no byte of the picture, is in the message', async () => {
  const bytes = await noise().png().toBuffer()
  const error = await decode(bytes.subarray(0, 2_000)).catch((thrown) => thrown)
  expect(error.message).toBe('The media format is not supported or incorrect: the picture is broken or cut off.')
  expect(error.cause).toBeInstanceOf(Error) // what libvips said, for the log
})

test('a picture over the limit of bytes is not looked at', async () => {
  const limits = { ...IMAGE_LIMITS, maxBytes: 100 }
  await expect(decodeImage(Buffer.alloc(101), { signal, limits })).rejects.toMatchObject(
    refused(/101 bytes; at most 100/),
  )
})

test('a picture that takes too long is given up, and its place is free only when it has really ended', async () => {
  const bytes = await noise().resize(1000, 1000).png({ compressionLevel: 1 }).toBuffer()
  const slots = new Slots(1, { maxWaiting: 1 })
  const limits = { ...IMAGE_LIMITS, maxBytes: bytes.length, timeoutMs: 1 }
  await expect(decodeImage(bytes, { signal, limits, slots })).rejects.toMatchObject(refused(/more than 1 ms/))
  const small = await picture().png().toBuffer()
  expect(await decodeImage(small, { signal, slots })).toMatchObject({ width: 40 })
})

test('who has gone gets no picture', async () => {
  const gone = new AbortController()
  const bytes = await noise().png().toBuffer()
  const decoding = decodeImage(bytes, { signal: gone.signal })
  gone.abort(new Error('gone'))
  await expect(decoding).rejects.toThrow('gone')
  await expect(decodeImage(bytes, { signal: gone.signal })).rejects.toThrow('gone')
})

test('pictures do not outlive their use, however long the signal lives', async () => {
  const bytes = await picture().resize(1600, 1200).jpeg().toBuffer()
  const before = process.memoryUsage().external
  for (let i = 0; i < 60; i++) await decode(bytes)
  // All of them are 346 MB. How many the collector leaves is its own matter.
  expect(process.memoryUsage().external - before).toBeLessThan(2 ** 27)
})

test('a hundred broken pictures at once leave the decoder as it was', async () => {
  const whole = await noise().jpeg().toBuffer()
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) => decode(whole.subarray(0, 100 + i * 50))),
  )
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
  expect(await decode(whole)).toMatchObject({ width: 400, height: 300 })
})

const RED = [255, 0, 0]
const GREEN = [0, 255, 0]
const BLUE = [0, 0, 255]
const WHITE = [255, 255, 255]
const BLACK = [0, 0, 0]
const PALETTE = [0xff0000, 0x00ff00, 0x0000ff, 0xffffff]

test.each([
  [
    '24 bits, rows from the bottom',
    bmp({ width: 1, height: 2, bits: 24, pixels: [0, 0, 255, 0, 0, 255, 0, 0] }),
    [GREEN, RED],
  ],
  [
    '24 bits, rows from the top',
    bmp({ width: 1, height: -2, bits: 24, pixels: [0, 0, 255, 0, 0, 255, 0, 0] }),
    [RED, GREEN],
  ],
  [
    '1 bit',
    bmp({ width: 3, height: 1, bits: 1, palette: [0x000000, 0xffffff], pixels: [0b10100000, 0, 0, 0] }),
    [WHITE, BLACK, WHITE],
  ],
  [
    '4 bits, odd width',
    bmp({ width: 3, height: 2, bits: 4, palette: PALETTE, pixels: [0x01, 0x20, 0, 0, 0x32, 0x10, 0, 0] }),
    [WHITE, BLUE, GREEN, RED, GREEN, BLUE],
  ],
  ['8 bits', bmp({ width: 2, height: 1, bits: 8, palette: PALETTE, pixels: [2, 1, 0, 0] }), [BLUE, GREEN]],
  [
    '8 bits, a colour that the palette lacks',
    bmp({ width: 1, height: 1, bits: 8, palette: PALETTE, pixels: [9, 0, 0, 0] }),
    [BLACK],
  ],
  ['16 bits, 5 for each', bmp({ width: 2, height: 1, bits: 16, pixels: [0x00, 0x7c, 0x1f, 0x00] }), [RED, BLUE]],
  [
    '16 bits, 5-6-5',
    bmp({ width: 1, height: 1, bits: 16, compression: 3, masks: [0xf800, 0x07e0, 0x001f], pixels: [0xe0, 0x07, 0, 0] }),
    [GREEN],
  ],
  ['32 bits', bmp({ width: 1, height: 1, bits: 32, pixels: [255, 0, 0, 0] }), [BLUE]],
  [
    '32 bits, other order',
    bmp({ width: 1, height: 1, bits: 32, compression: 3, masks: [0xff, 0xff00, 0xff0000], pixels: [255, 0, 0, 0] }),
    [RED],
  ],
  [
    '32 bits with alpha',
    bmp({
      width: 2,
      height: 1,
      bits: 32,
      compression: 6,
      masks: [0xff, 0xff00, 0xff0000, 0xff000000],
      pixels: [255, 0, 0, 255, 255, 0, 0, 0],
    }),
    [RED, WHITE],
  ],
  [
    'run lengths of 8 bits: run, as they are, step, end',
    bmp({
      width: 4,
      height: 2,
      bits: 8,
      compression: 1,
      palette: PALETTE,
      pixels: [3, 1, 0, 0, 0, 2, 1, 0, 0, 3, 2, 1, 3, 0, 0, 1],
    }),
    [RED, BLUE, GREEN, WHITE, GREEN, GREEN, GREEN, RED],
  ],
  [
    'run lengths of 8 bits: a step over rows',
    bmp({ width: 2, height: 3, bits: 8, compression: 1, palette: PALETTE, pixels: [1, 3, 0, 2, 0, 2, 1, 2, 0, 1] }),
    [RED, BLUE, RED, RED, WHITE, RED],
  ],
  [
    'run lengths of 4 bits',
    bmp({ width: 5, height: 1, bits: 4, compression: 2, palette: PALETTE, pixels: [3, 0x12, 0, 0, 0, 1] }),
    [GREEN, BLUE, GREEN, RED, RED],
  ],
  [
    'run lengths of 4 bits, as they are',
    bmp({ width: 5, height: 1, bits: 4, compression: 2, palette: PALETTE, pixels: [0, 5, 0x12, 0x31, 0x20, 0, 0, 1] }),
    [GREEN, BLUE, WHITE, GREEN, BLUE],
  ],
  [
    'run lengths without an end',
    bmp({ width: 2, height: 1, bits: 8, compression: 1, palette: PALETTE, pixels: [2, 1] }),
    [GREEN, GREEN],
  ],
])('BMP of %s', async (_name, bytes, colours) => {
  const { rgb } = await decode(bytes)
  expect([...rgb]).toEqual(colours.flat())
})

test('a bitmap of Windows without its file header', async () => {
  const bytes = bmp({ width: 1, height: 1, bits: 24, pixels: [0, 0, 255, 0] }).subarray(14)
  expect([...(await decode(bytes)).rgb]).toEqual(RED)
})

test.each([
  ['pixels that are not there', bmp({ width: 100, height: 100, bits: 24, pixels: [] })],
  ['pixels far behind the end', bmp({ width: 1, height: 1, bits: 24, pixels: [0, 0, 0, 0], declaredOffset: 2 ** 31 })],
  ['no width', bmp({ width: 0, height: 1, bits: 24, pixels: [] })],
  ['a negative width', bmp({ width: -5, height: 1, bits: 24, pixels: [0, 0, 0, 0] })],
  ['no rows', bmp({ width: 1, height: 0, bits: 24, pixels: [] })],
  ['the lowest height there is', bmp({ width: 1, height: -(2 ** 31), bits: 24, pixels: [] })],
  ['7 bits', bmp({ width: 1, height: 1, bits: 7, pixels: [0, 0, 0, 0] })],
  ['JPEG inside', bmp({ width: 1, height: 1, bits: 24, compression: 4, pixels: [0, 0, 0, 0] })],
  [
    'masks with gaps',
    bmp({ width: 1, height: 1, bits: 32, compression: 3, masks: [0xf0f, 0, 0], pixels: [0, 0, 0, 0] }),
  ],
  [
    'run lengths that end early',
    bmp({ width: 9, height: 9, bits: 8, compression: 1, palette: PALETTE, pixels: [3, 1] }),
  ],
])('a BMP of %s is refused', async (_name, bytes) => {
  await expect(decode(bytes)).rejects.toMatchObject({ row: 'invalid_media' })
})

test('a bitmap of 16 million pixels gives others their turns', async () => {
  const side = 4_000
  const bytes = bmp({
    width: side,
    height: side,
    bits: 1,
    palette: [0, 0xffffff],
    pixels: Buffer.alloc((side / 8 + 2) * side),
  })
  const limits = { ...IMAGE_LIMITS, maxPixels: side * side }
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await decodeImage(bytes, { signal, limits })
  clearInterval(timer)
  expect(turns).toBeGreaterThan(3)
})

test('of an icon, the largest picture counts, and what its mask hides is white', async () => {
  const small = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#f00' } })
    .png()
    .toBuffer()
  const large = await sharp({ create: { width: 256, height: 256, channels: 3, background: '#00f' } })
    .png()
    .toBuffer()
  const both = ico([
    { side: 16, bits: 32, data: small },
    { side: 256, bits: 32, data: large },
  ])
  expect(await decode(both)).toMatchObject({ width: 256, height: 256 })
  const data = bmp({
    width: 2,
    height: 2,
    bits: 24,
    pixels: [255, 0, 0, 255, 0, 0, 0, 0, 0b01000000, 0, 0, 0],
  }).subarray(14)
  expect([...(await decode(ico([{ side: 2, bits: 24, data }]))).rgb]).toEqual([...BLUE, ...WHITE])
})

test.each([
  ['a picture outside of it', Buffer.from(ico([{ side: 8, bits: 32, data: Buffer.alloc(4) }]).subarray(0, 22))],
  ['65,535 pictures that are not there', Buffer.from([0, 0, 1, 0, 255, 255])],
  ['an icon in the icon', ico([{ side: 8, bits: 32, data: ico([{ side: 8, bits: 32, data: Buffer.alloc(40) }]) }])],
])('an icon of %s is refused', async (_name, bytes) => {
  await expect(decode(bytes)).rejects.toMatchObject({ row: 'invalid_media' })
})

test('of an icon of macOS, the largest PNG counts', async () => {
  const part = (type: string, data: Buffer) => {
    const head = Buffer.alloc(8)
    head.write(type, 0, 'latin1')
    head.writeUInt32BE(8 + data.length, 4)
    return Buffer.concat([head, data])
  }
  const small = part('ic11', png({ width: 32, height: 32 }))
  const large = part('ic07', png({ width: 128, height: 128 }))
  expect(await decode(part('icns', Buffer.concat([part('TOC ', Buffer.alloc(8)), large, small])))).toMatchObject({
    width: 128,
  })
})

test.each([false, true])('a picture of Silicon Graphics, run lengths: %s', async (isRunLength) => {
  const head = Buffer.alloc(512)
  head.writeUInt16BE(0x01da, 0)
  head.writeUInt8(isRunLength ? 1 : 0, 2)
  head.writeUInt8(1, 3)
  for (const [i, value] of [3, 2, 2, 3].entries()) head.writeUInt16BE(value, 4 + i * 2)
  // Planes red, green, blue; in each, the lower row first. Upper row: red, blue; lower: green, green.
  const rows = [
    [0, 0],
    [255, 0],
    [255, 255],
    [0, 0],
    [0, 0],
    [0, 255],
  ]
  const packed = [
    [0x02, 0, 0],
    [0x82, 255, 0, 0],
    [0x02, 255, 0],
    [0x02, 0, 0],
    [0x02, 0, 0],
    [0x82, 0, 255, 0],
  ]
  const table = Buffer.alloc(48)
  let at = 512 + 48
  for (const [i, row] of packed.entries()) {
    table.writeUInt32BE(at, i * 4)
    table.writeUInt32BE(row.length, 24 + i * 4)
    at += row.length
  }
  const bytes = Buffer.concat(
    isRunLength ? [head, table, Buffer.from(packed.flat())] : [head, Buffer.from(rows.flat())],
  )
  expect([...(await decode(bytes)).rgb]).toEqual([RED, BLUE, GREEN, GREEN].flat())
  await expect(decode(bytes.subarray(0, bytes.length - 2))).rejects.toMatchObject(refused(/cut off/))
})

/** Deflated, 8 bits, one strip: what a picture of so many pixels would have, in a few bytes. */
function deepTiff(side: number): Buffer {
  const data = deflateSync(Buffer.alloc(4_096))
  return tiff(
    [
      [256, side],
      [257, side],
      [258, 8],
      [259, 8],
      [262, 1],
      [273, 98],
      [277, 1],
      [278, side],
      [279, data.length],
    ],
    data,
  )
}

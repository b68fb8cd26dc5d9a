import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Picture } from './picture.js'
import { centreCrop, type Resample, resize, shortestEdge } from './resize.js'

interface Golden {
  pillow: string
  cases: {
    source: [number, number]
    size: [number, number]
    box: [number, number, number, number] | null
    resample: Resample
    sha256: string
  }[]
}

const golden: Golden = JSON.parse(readFileSync(new URL('resize.golden.json', import.meta.url), 'utf8'))

/** The picture that test/media/resize_golden.py makes. */
function noise(width: number, height: number): Picture {
  const rgb = new Uint8Array(width * height * 3)
  for (let i = 0; i < rgb.length; i++) {
    rgb[i] = Math.floor(i / 7) % 2 === 0 ? Math.imul(i, 2654435761) >>> 24 : Math.floor((i * 255) / rgb.length)
  }
  return { width, height, rgb }
}

const described = golden.cases.map((one) => {
  const box = one.box === null ? '' : ` of ${one.box.join(', ')}`
  return [`${one.source.join(' × ')} → ${one.size.join(' × ')}${box}, ${one.resample}`, one] as const
})

test.each(described)('every byte is as Pillow makes it: %s', (_name, { source, size, box, resample, sha256 }) => {
  const [left = 0, top = 0, right = 0, bottom = 0] = box ?? []
  const { rgb } = resize(noise(...source), {
    width: size[0],
    height: size[1],
    resample,
    ...(box !== null && { box: { left, top, right, bottom } }),
  })
  expect(createHash('sha256').update(rgb).digest('hex')).toBe(sha256)
})

test('a picture that keeps its size keeps its bytes, in memory of its own', () => {
  const picture = noise(7, 5)
  const same = resize(picture, { width: 7, height: 5, resample: 'bicubic' })
  expect(same).toEqual(picture)
  expect(same.rgb).not.toBe(picture.rgb)
})

test.each([
  [{ width: 640, height: 480 }, { shortest: 224 }, { width: 298, height: 224 }],
  [{ width: 480, height: 641 }, { shortest: 224 }, { width: 224, height: 299 }],
  [{ width: 100, height: 100 }, { shortest: 224 }, { width: 224, height: 224 }],
  [
    { width: 4000, height: 100 },
    { shortest: 224, longest: 448 },
    { width: 448, height: 11 },
  ],
])('shortest edge of %o to %o is %o', (size, options, expected) => {
  expect(shortestEdge(size, options)).toEqual(expected)
})

test('a centre crop takes the middle; what is too small is surrounded with black', () => {
  const picture = noise(5, 4)
  const pixel = (x: number, y: number) => [...picture.rgb.subarray((y * 5 + x) * 3, (y * 5 + x) * 3 + 3)]
  expect([...centreCrop(picture, { width: 2, height: 2 }).rgb]).toEqual(
    [pixel(1, 1), pixel(2, 1), pixel(1, 2), pixel(2, 2)].flat(),
  )
  const wide = centreCrop(noise(1, 1), { width: 3, height: 1 })
  expect([...wide.rgb]).toEqual([0, 0, 0, ...noise(1, 1).rgb, 0, 0, 0])
})

test.each([
  [{ width: 0, height: 4 }, /1 to 16384/],
  [{ width: 4, height: 1.5 }, /1 to 16384/],
  [{ width: 4, height: 20_000 }, /1 to 16384/],
  [{ width: 4, height: 4, box: { left: 0, top: 0, right: 6, bottom: 4 } }, /not in 5 × 4/],
  [{ width: 4, height: 4, box: { left: 2, top: 0, right: 2, bottom: 4 } }, /not in 5 × 4/],
])('%o is refused', (options, message) => {
  expect(() => resize(noise(5, 4), { ...options, resample: 'bilinear' })).toThrow(message)
})

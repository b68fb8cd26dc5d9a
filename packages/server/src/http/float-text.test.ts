import { expect, test } from 'vitest'
import { floatText, MAX_FLOAT_BYTES, writeFloats } from './float-text.js'

const FLOATS_IN_ALL = 1_000_000
const CHUNK = 50_000

test('digits are those that a float32 needs, and no more', () => {
  const written = textOf(0.1, -1 / 3, 1e-8, Math.PI, 0, -0, 1, -1, 0.5, 0.99999994, 0.03125, 16_777_216, 3.4028235e38)
  expect(written).toBe(
    '[0.1,-0.33333334,9.9999999e-9,3.1415927,0,-0.0,1,-1,0.5,0.99999994,0.03125,16777216,3.4028235e+38]',
  )
})

test('an empty vector is an empty list', () => {
  expect(textOf()).toBe('[]')
})

test.each([NaN, Infinity, -Infinity])('%s is refused', (value) => {
  expect(() => textOf(0.5, value)).toThrow(RangeError)
  expect(() => floatText(value)).toThrow(RangeError)
})

test('a double that is no float32 is refused', () => {
  expect(() => floatText(0.1)).toThrow('0.1 is not a finite float32')
})

test.each([
  ['any bits: subnormals and extremes among them', (bits: number) => fromBits(bits)],
  ['components of unit vectors', (bits: number) => Math.fround(0.04 * gaussian(bits))],
  ['numbers below 1', (bits: number) => fromBits(0x3f800000 - (bits >>> 12))],
  ['numbers above 1', (bits: number) => fromBits(0x3f800000 + (bits >>> 12))],
])(
  'what is written reads back as the same bits: %s',
  (_name, make) => {
    const random = randomBits(7)
    for (let done = 0; done < FLOATS_IN_ALL / 4; done += CHUNK) {
      expectSameBits(Float32Array.from({ length: CHUNK }, () => finite(make(random()))))
    }
  },
  120_000,
)

test('powers of two and of ten and their neighbours read back as the same bits', () => {
  const exponents = Array.from({ length: 290 }, (_, i) => i - 150)
  const powers = exponents.flatMap((exponent) => [2 ** exponent, Number(`1e${exponent}`)].map(Math.fround))
  const near = powers.flatMap((power) => [-2, -1, 0, 1, 2].map((step) => fromBits(bitsOf(power) + step)))
  expectSameBits(Float32Array.from([...near, ...near.map((value) => -value)].filter(Number.isFinite)))
})

test('one number alone has the digits that it has in a vector', () => {
  const random = randomBits(11)
  for (let i = 0; i < 20_000; i++) {
    const value = i % 2 === 0 ? finite(fromBits(random())) : Math.fround(0.04 * gaussian(random()))
    expect(`[${floatText(value)}]`).toBe(textOf(value))
  }
})

test('nine significant digits are the most, and most components have eight', () => {
  const random = randomBits(13)
  const lengths = Array.from({ length: 20_000 }, () => {
    const [, digits = ''] = /^-?0\.0*(\d+)$/.exec(floatText(Math.fround(0.04 * gaussian(random())))) ?? []
    return digits.length
  })
  expect(Math.max(...lengths)).toBe(9)
  expect(lengths.filter((length) => length <= 8).length / lengths.length).toBeGreaterThan(0.5)
})

/** The contract, with the eyes of a client: parse as doubles, cast to float32, compare bits. */
function expectSameBits(vector: Float32Array) {
  const read = Float32Array.from(JSON.parse(textOf(...vector)))
  const differ = vector.findIndex((value, i) => !Object.is(value, read[i]))
  expect(differ === -1 ? 'all equal' : `${vector[differ]} reads back as ${read[differ]}`).toBe('all equal')
}

function textOf(...values: number[]): string {
  const bytes = Buffer.alloc(values.length * MAX_FLOAT_BYTES + 2)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return bytes.toString('latin1', 0, writeFloats(Float32Array.from(values), view, 0))
}

const SCRATCH = new DataView(new ArrayBuffer(4))

function fromBits(bits: number): number {
  SCRATCH.setUint32(0, bits)
  return SCRATCH.getFloat32(0)
}

function bitsOf(value: number): number {
  SCRATCH.setFloat32(0, value)
  return SCRATCH.getUint32(0)
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0
}

/** About normally distributed: the sum of eight bytes' halves. */
function gaussian(bits: number): number {
  const nibbles = Array.from({ length: 8 }, (_, i) => (bits >>> (4 * i)) & 15)
  return (nibbles.reduce((sum, nibble) => sum + nibble, 0) - 60 + (bits >>> 0) / 2 ** 32) / 13
}

/** Mulberry32: the same 32 random bits for the same seed. */
function randomBits(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

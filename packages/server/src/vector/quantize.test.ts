import { expect, test } from 'vitest'
import { toInt8, toSignedBits, toUint8, toUnsignedBits } from './quantize.js'

test('signs are packed with the first component in the highest bit, zero being no 1', () => {
  const vector = Float32Array.of(1, -1, 0.5, -0.5, 0, 1e-9, -1e-9, 2, 3, -3)
  expect(Array.from(toUnsignedBits(vector))).toEqual([0b10100101, 0b10000000])
  expect(Array.from(toSignedBits(vector))).toEqual([0b10100101 - 128, 0])
})

test('bytes have one scale for every vector of a dimension: 127 stands for twelve times the root mean square', () => {
  const vector = new Float32Array(100).fill(0.1) // unit length
  expect(toInt8(vector)[0]).toBe(Math.round(127 / 12))
  expect(toUint8(vector)[0]).toBe(Math.round(127 / 12) + 128)
})

test('what lies outside the range is held at its ends', () => {
  const vector = Float32Array.of(...new Array(398).fill(0), 0.7, -0.7)
  expect(Array.from(toInt8(vector).slice(-2))).toEqual([127, -127])
  expect(Array.from(toUint8(vector).slice(-2))).toEqual([255, 1])
})

import { expect, test } from 'vitest'
import { groupByLength } from './group-by-length.js'
import { fromBfloat16, fromHalf } from './half.js'
import { toInt64 } from './int64.js'
import { applyDense, pool } from './pooling.js'
import { readSafetensors } from './safetensors.js'

/** Two tokens behind a row of somebody else's. */
const states = { values: Float32Array.of(9, 9, 1, 2, 3, 8), offset: 2, length: 2, hidden: 2 }

test.each([
  ['cls', [1, 2]],
  ['lasttoken', [3, 8]],
  ['mean', [2, 5]],
  ['max', [3, 8]],
  ['mean_sqrt_len', [4 / Math.SQRT2, 10 / Math.SQRT2]],
  ['weightedmean', [7 / 3, 18 / 3]],
] as const)('pooling by %s', (pooling, expected) => {
  expect(pool(states, pooling, 0)).toEqual(Float32Array.from(expected))
})

test('a prompt that is not pooled is left out', () => {
  expect(pool(states, 'mean', 1)).toEqual(Float32Array.of(3, 8))
  expect(pool(states, 'cls', 1)).toEqual(Float32Array.of(3, 8))
})

test('a dense layer is weight · x + bias and its activation', () => {
  const layer = { weight: Float32Array.of(1, 0, 0, -1, 1, 1), bias: Float32Array.of(0, 0, 1) }
  const x = Float32Array.of(2, 3)
  expect(applyDense(x, { ...layer, activation: 'identity' })).toEqual(Float32Array.of(2, -3, 6))
  expect(applyDense(x, { ...layer, activation: 'relu' })).toEqual(Float32Array.of(2, 0, 6))
  expect(applyDense(x, { ...layer, activation: 'tanh' })[0]).toBeCloseTo(Math.tanh(2), 6)
})

test('half and brain floats', () => {
  expect(Array.from(fromHalf(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000)))).toEqual([
    1,
    -2,
    2 ** -24,
    65_504,
    Number.POSITIVE_INFINITY,
    -0,
  ])
  expect(Array.from(fromBfloat16(Uint16Array.of(0x3f80, 0xc000)))).toEqual([1, -2])
})

test('a safetensors file, and one that is cut off', () => {
  const header = Buffer.from('{"w":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},"__metadata__":{"format":"pt"}}')
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(header.length))
  const file = Buffer.concat([size, header, Buffer.from([0x00, 0x3c, 0x00, 0xc0])])
  expect(readSafetensors(file)).toEqual(new Map([['w', { shape: [1, 2], values: Float32Array.of(1, -2) }]]))
  expect(() => readSafetensors(file.subarray(0, -1))).toThrow('w is cut off')
  expect(() => readSafetensors(Buffer.alloc(4))).toThrow('is cut off')
})

test('passes of one length go together, within the budget', () => {
  expect(groupByLength([10, 100, 9, 95, 8, 30], 200)).toEqual([[1, 3], [5], [0, 2, 4]])
  expect(groupByLength([10, 10, 10], 20)).toEqual([[0, 1], [2]])
  expect(groupByLength([500], 20)).toEqual([[0]])
})

test('whole numbers of 64 bits', () => {
  const values = Int32Array.of(0, 1, 30_521, 2_147_483_647, -1, -2_147_483_648)
  expect(toInt64(values)).toEqual(BigInt64Array.from(values, BigInt))
})

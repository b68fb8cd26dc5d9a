import { expect, test } from 'vitest'
import { prefixCosines, prefixDots, prefixScores, toPrefixVectors, toUnitRows } from './prefix.js'

const A = Float32Array.of(3, 4, 0, 1, 2)
const B = Float32Array.of(1, 0, 5, 2, 1)

test('inner products of all prefixes come from one pass', () => {
  expect([...prefixDots(A, B, [1, 2, 4, 5])]).toEqual([3, 3, 5, 7])
})

test('each prefix has its own length', () => {
  const a = toPrefixVectors([A], [2, 5])
  const b = toPrefixVectors([B], [2, 5])
  const [two, five] = prefixCosines(a, 0, b, 0)
  expect(two).toBeCloseTo(3 / 5, 12)
  expect(five).toBeCloseTo(7 / Math.sqrt(30 * 31), 12)
})

test('scores hold a list of documents for each dimension', () => {
  const documents = toPrefixVectors([A, B], [2, 5])
  const [two, five] = prefixScores(documents, 0, documents)
  expect(two?.[0]).toBeCloseTo(1, 12)
  expect(two?.[1]).toBeCloseTo(0.6, 12)
  expect(five?.[1]).toBeCloseTo(7 / Math.sqrt(30 * 31), 12)
})

test('unit rows are prefixes of length 1', () => {
  expect([...toUnitRows([A, Float32Array.of(0, 2, 9, 9, 9)], 2)]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 1])
})

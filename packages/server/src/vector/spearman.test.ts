import { expect, test } from 'vitest'
import { spearman, toRanks } from './spearman.js'

// Expected values: scipy.stats 1.17.1, rankdata and spearmanr.

test('equal values share their mean rank', () => {
  expect([...toRanks([0.1, 0.9, 0.4, 0.4, 0.7, -0.2])]).toEqual([2, 6, 3.5, 3.5, 5, 1])
})

test('agrees with SciPy where both sides have ties', () => {
  expect(spearman([0.1, 0.9, 0.4, 0.4, 0.7, -0.2], [1, 5, 2, 3, 3, 0])).toBeCloseTo(0.9558823529411764, 12)
})

test('agrees with SciPy on the textbook example', () => {
  expect(spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.8207826816681233, 12)
})

test('only the order counts', () => {
  expect(spearman([1, 2, 3], [10, 200, 3000])).toBeCloseTo(1, 12)
  expect(spearman([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12)
})

test('a constant side has no correlation', () => {
  expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN()
})

test('lists of different length are refused', () => {
  expect(() => spearman([1], [1, 2])).toThrow(RangeError)
})

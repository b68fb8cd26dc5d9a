import { expect, test } from 'vitest'
import { vMeasure } from './v-measure.js'

// Expected values: sklearn.metrics 1.9.1, v_measure_score.

test('agrees with scikit-learn on overlapping clusters', () => {
  expect(vMeasure([0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 2, 2])).toBeCloseTo(0.739667376800759, 12)
  expect(vMeasure([...'aaabbbcccd'], [0, 0, 1, 1, 1, 2, 2, 2, 2, 0])).toBeCloseTo(0.5884891726309147, 12)
})

test('the names of the clusters do not matter', () => {
  expect(vMeasure(['a', 'a', 'b'], [7, 7, 3])).toBe(1)
})

test('independent clusters are worth nothing', () => {
  expect(vMeasure([0, 0, 1, 1], [0, 1, 0, 1])).toBeCloseTo(0, 12)
})

test('one label torn apart is homogeneous but not complete', () => {
  expect(vMeasure([0, 0, 0, 0], [0, 1, 2, 3])).toBeCloseTo(0, 12)
})

test('lists of different length are refused', () => {
  expect(() => vMeasure([0], [0, 1])).toThrow(RangeError)
})

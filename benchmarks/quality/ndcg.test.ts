import { expect, test } from 'vitest'
import { ndcg, recall, reciprocalRank, topRanked } from './ndcg.js'

const SCORES = Float64Array.of(0.3, 0.9, 0.8, 0.1, 0.7, 0.2)
const GAINS = new Map([
  [0, 3],
  [2, 2],
  [5, 1],
])

test('ranks by score, best first', () => {
  expect(topRanked(SCORES, 10)).toEqual([1, 2, 4, 0, 5, 3])
  expect(topRanked(SCORES, 2)).toEqual([1, 2])
})

test('equal scores keep the order of the file', () => {
  expect(topRanked(Float64Array.of(0.5, 0.7, 0.5, 0.5), 2)).toEqual([1, 0])
})

// Expected values: sklearn.metrics 1.9.1, ndcg_score.
test('nDCG agrees with scikit-learn', () => {
  expect(ndcg(topRanked(SCORES, 3), GAINS, 3)).toBeCloseTo(0.2649930148611256, 12)
  expect(ndcg(topRanked(SCORES, 10), GAINS, 10)).toBeCloseTo(0.6175616866029845, 12)
})

test('the reciprocal rank is that of the first judged document within the cutoff', () => {
  expect(reciprocalRank([1, 4, 2, 0], GAINS, 10)).toBeCloseTo(1 / 3, 12)
  expect(reciprocalRank([1, 4, 2, 0], GAINS, 2)).toBe(0)
})

test('recall counts judged documents within the cutoff', () => {
  expect(recall([1, 2, 4, 0, 5], GAINS, 4)).toBeCloseTo(2 / 3, 12)
})

import { expect, test } from 'vitest'
import { HYBRID, reciprocalRanks, zScores } from './hybrid.js'

test('z-scores have mean 0 and deviation 1', () => {
  expect([...zScores(Float64Array.of(1, 3))]).toEqual([-1, 1])
  expect([...zScores(Float64Array.of(2, 2))]).toEqual([0, 0])
})

test('reciprocal ranks begin at 1/61, equal scores in the order of the file', () => {
  expect([...reciprocalRanks(Float64Array.of(0.2, 0.9, 0.2))]).toEqual([1 / 62, 1 / 61, 1 / 63])
})

test('in every way a document that only the sparse side finds can overtake', () => {
  for (const combine of Object.values(HYBRID)) {
    const [first = 0, second = 0] = combine(Float64Array.of(0.8, 0.79, 0.1), Float64Array.of(0, 1, 0.5))
    expect(second).toBeGreaterThan(first)
  }
})

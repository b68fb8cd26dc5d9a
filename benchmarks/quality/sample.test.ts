import { expect, test } from 'vitest'
import { sample } from './sample.js'

const LETTERS = [...'abcdefghij']

test('the subset does not depend on what else the file holds', () => {
  const chosen = sample(LETTERS, 4, (letter) => letter)
  expect(chosen).toEqual(sample([...LETTERS].reverse(), 4, (letter) => letter).reverse())
  expect(chosen).toHaveLength(4)
})

test('a file that is small enough is taken whole', () => {
  expect(sample(LETTERS, 10, (letter) => letter)).toEqual(LETTERS)
  expect(sample(LETTERS, undefined, (letter) => letter)).toEqual(LETTERS)
})

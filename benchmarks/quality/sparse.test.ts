import { expect, test } from 'vitest'
import { scoreTerms } from './sparse.js'

test('only terms that both sides have count', () => {
  const queries = [
    [
      { index: 5, value: 0.5 },
      { index: 7, value: 2 },
    ],
    [],
  ]
  const documents = [
    [{ index: 7, value: 3 }],
    [{ index: 1, value: 9 }],
    [
      { index: 5, value: 1 },
      { index: 7, value: 1 },
    ],
  ]
  const scores = scoreTerms(queries, documents)
  expect([...scores(0)]).toEqual([6, 0, 2.5])
  expect([...scores(1)]).toEqual([0, 0, 0])
})

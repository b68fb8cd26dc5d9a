import { expect, test } from 'vitest'
import { bm25 } from './bm25.js'
import { scoreTerms } from './sparse.js'

test('scores are those of bm25s 0.3.16 (method "lucene", k1 1.2, b 0.75), times k1 + 1', () => {
  const documents = [
    ['a', 'b', 'a'],
    ['b', 'c'],
    ['d', 'd', 'd', 'd', 'e', 'a'],
  ]
  const vectors = bm25([['a', 'b'], ['d', 'd'], ['z']], documents, { k1: 1.2, b: 0.75 })
  const scores = scoreTerms(vectors.queries, vectors.documents)
  const rounded = (query: number) => [...scores(query)].map((score) => Number((score / 2.2).toFixed(6)))
  expect(rounded(0)).toEqual([0.540389, 0.262439, 0.16951])
  expect(rounded(1)).toEqual([0, 0, 1.359259])
  expect(rounded(2)).toEqual([0, 0, 0])
})

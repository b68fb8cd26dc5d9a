import { expect, test } from 'vitest'
import { parseTextEmbedding } from './dashscope/text-embedding.js'
import { parseEmbeddings } from './openai/embeddings.js'

const million = <Element>(element: Element): Element[] => Array(1e6).fill(element)

/** Each took minutes where every wrong element was reported. */
test.each([
  ['numbers', million(1)],
  ['token arrays', million([1])],
  ['texts, then a number', [...million('a'), 1]],
  ['numbers, then a text', [...million(1), 'a']],
])('a million elements are looked at in far less than the time of a request: %s', { timeout: 10_000 }, (_, input) => {
  const parse = () => {
    try {
      parseEmbeddings({ model: 'm', input })
      parseTextEmbedding({ model: 'm', input: { texts: input } })
    } catch (error) {
      return error
    }
    return undefined
  }
  const start = Date.now()
  expect(parse()).toMatchObject({ row: 'invalid_parameter' })
  expect(Date.now() - start).toBeLessThan(5_000)
})

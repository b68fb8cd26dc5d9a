import { expect, test } from 'vitest'
import { parseEmbed } from './cohere/embed.js'
import { parseTextEmbedding } from './dashscope/text-embedding.js'
import { parseTokenizer } from './dashscope/tokenizer.js'
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

const cohere = (field: object) => parseEmbed({ model: 'm', input_type: 'search_query', ...field })
test.each([
  ['inputs[0]', () => cohere({ inputs: million(1) })],
  ['inputs[1]', () => cohere({ inputs: [{ content: [] }, { content: million({ type: 1 }) }] })],
  ['embedding_types[0]', () => cohere({ embedding_types: million('x') })],
  ['input.messages[1]', () => parseTokenizer({ model: 'm', input: { messages: [{ content: '' }, ...million({})] } })],
  ['embedding_type', () => parseEmbeddings({ model: 'm', input: 'a', embedding_type: million('x') })],
])('of a million wrong elements the first is named: %s', { timeout: 10_000 }, (param, parse) => {
  const start = Date.now()
  expect(parse).toThrow(expect.objectContaining({ row: 'invalid_parameter', param }))
  expect(Date.now() - start).toBeLessThan(5_000)
})

test('fields that are not known are passed over, however many', () => {
  const wide = Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`k${i}`, 1]))
  const timed = (work: () => unknown) => {
    const start = Date.now()
    work()
    return Date.now() - start
  }
  const copied = timed(() => ({ ...wide }))
  expect(timed(() => parseTextEmbedding({ model: 'm', input: { texts: ['a'] }, parameters: wide }))).toBeLessThan(
    copied,
  )
  expect(timed(() => parseTokenizer({ model: 'm', input: { prompt: 'a' }, parameters: wide }))).toBeLessThan(copied)
})

import { expect, test } from 'vitest'
import { decodeSimilarity, parseSimilarity } from './similarity.js'

const decode = (inputs: unknown, parameters?: unknown) => decodeSimilarity(parseSimilarity({ inputs, parameters }), 'm')

test('the source is the first input, and the parameters are those of embed', () => {
  const request = decode({ source_sentence: 'a', sentences: ['b', 'c'] }, { prompt_name: 'query', truncate: true })
  expect(request).toMatchObject({ model: 'm', inputs: ['a', 'b', 'c'], textType: 'query', overlong: 'truncate' })
})

test('the source counts in the batch', () => {
  expect(decode({ source_sentence: 'a', sentences: Array(31).fill('b') }).inputs).toHaveLength(32)
  expect(() => decode({ source_sentence: 'a', sentences: Array(32).fill('b') })).toThrow('batch size 33')
  expect(() => decode({ source_sentence: 'a', sentences: [] })).toThrow(
    expect.objectContaining({ row: 'missing_input' }),
  )
})

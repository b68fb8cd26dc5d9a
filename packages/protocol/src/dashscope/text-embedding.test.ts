import { expect, test } from 'vitest'
import { decodeTextEmbedding, encodeTextEmbedding, parseTextEmbedding } from './text-embedding.js'

const decode = (body: unknown) => decodeTextEmbedding(parseTextEmbedding(body))

test('absent, empty and null parameters are the same', () => {
  const input = { texts: ['a'] }
  const expected = decode({ model: 'm', input })
  expect(decode({ model: 'm', input, parameters: {} })).toEqual(expected)
  expect(decode({ model: 'm', input, parameters: null })).toEqual(expected)
  expect(expected).toMatchObject({ textType: 'document', outputType: 'dense' })
})

test('a bare string is one text', () => {
  expect(decode({ model: 'm', input: { texts: 'a' } }).inputs).toEqual(['a'])
})

test('options one level too deep count where they are right, and those of the right level win', () => {
  const nested = { dimension: 512, output_type: 'sparse', text_type: 'wrong', instruct: 'find papers' }
  const deep = decode({ model: 'm', input: { texts: ['a'] }, parameters: { parameters: nested } })
  expect(deep).toMatchObject({ dimension: 512, outputType: 'sparse', textType: 'document', instruct: 'find papers' })
  const both = { dimension: 256, parameters: { dimension: 512 }, kwargs: { dimension: 128, text_type: 'query' } }
  expect(decode({ model: 'm', input: { texts: ['a'] }, parameters: both })).toMatchObject({
    dimension: 256,
    textType: 'query',
  })
})

test('unknown parameters are tolerated, and the one that LlamaIndex nests is honoured', () => {
  const parameters = { dimensions: 512, kwargs: { text_type: 'query', other: 1 }, seed: 'x' }
  const request = decode({ model: 'm', input: { texts: ['a'] }, parameters })
  expect(request.textType).toBe('query')
  expect(request).not.toHaveProperty('dimension')
})

test.each([
  [null, 'invalid_body', ''],
  [{ input: { texts: ['a'] } }, 'missing_model', 'model'],
  [{ model: 'm' }, 'missing_input', 'input'],
  [{ model: 'm', input: {} }, 'missing_input', 'input.texts'],
  [{ model: 'm', input: 'a' }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: { texts: [1] } }, 'invalid_parameter', 'input.texts'],
  [
    { model: 'm', input: { texts: ['a'] }, parameters: { text_type: 'x' } },
    'invalid_parameter',
    'parameters.text_type',
  ],
  [
    { model: 'm', input: { texts: ['a'] }, parameters: { dimension: '64' } },
    'invalid_parameter',
    'parameters.dimension',
  ],
  [{ model: 'm', input: { texts: ['a'] }, parameters: [] }, 'invalid_parameter', 'parameters'],
])('a body that cannot be is refused by its first wrong field', (body, row, param) => {
  expect(() => parseTextEmbedding(body)).toThrow(expect.objectContaining({ row, param }))
})

test('only the vectors that were computed are sent', () => {
  const sparse = [{ index: 7, value: 1, token: '风' }]
  const result = { model: 'm', embeddings: [{ index: 0, sparse, tokens: 1 }], totalTokens: 1, space: 's' }
  expect(encodeTextEmbedding(result, 'r1')).toEqual({
    output: { embeddings: [{ text_index: 0, sparse_embedding: sparse }] },
    usage: { total_tokens: 1 },
    request_id: 'r1',
  })
})

import { expect, test } from 'vitest'
import { decodeEmbeddings, encodeEmbeddings, parseEmbeddings, vectorFormatOf } from './embeddings.js'

const decode = (body: unknown) => decodeEmbeddings(parseEmbeddings(body))

test('a string is one input', () => {
  expect(decode({ model: 'm', input: '你好' })).toMatchObject({ model: 'm', inputs: ['你好'], textType: 'document' })
})

test('a list keeps its order, and the options their meaning', () => {
  const body = { model: 'm', input: ['b', 'a'], dimensions: 256, user: 'u1', text_type: 'query', unknown: { x: 1 } }
  expect(decode(body)).toMatchObject({ inputs: ['b', 'a'], dimension: 256, textType: 'query' })
})

test('null means not given', () => {
  const request = decode({ model: 'm', input: 'x', dimensions: null, encoding_format: null, user: null })
  expect(request).not.toHaveProperty('dimension')
})

test.each([
  [[1, 2, 3], [[1, 2, 3]]],
  [
    [[1, 2], [3]],
    [[1, 2], [3]],
  ],
  [[[]], [[]]],
])('token ids stay ids until the model is known: %j', (input, tokenArrays) => {
  expect(decode({ model: 'm', input })).toMatchObject({ inputs: [], tokenArrays })
})

test('an empty list is a list of texts', () => {
  const request = decode({ model: 'm', input: [] })
  expect(request.inputs).toEqual([])
  expect(request).not.toHaveProperty('tokenArrays')
})

test.each([
  [[], 'invalid_body', ''],
  ['text', 'invalid_body', ''],
  [{ input: 'x' }, 'missing_model', 'model'],
  [{ model: '', input: 'x' }, 'missing_model', 'model'],
  [{ model: 7, input: 'x' }, 'invalid_parameter', 'model'],
  [{ model: 'm' }, 'missing_input', 'input'],
  [{ model: 'm', input: [1, 'a'] }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: ['a', [1]] }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: [1, [2]] }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: [[1], 2] }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: [[1], ['a']] }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: { fd: null, path: 'x.txt' } }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: 'x', dimensions: '512' }, 'invalid_parameter', 'dimensions'],
  [{ model: 'm', input: 'x', encoding_format: 'int8' }, 'invalid_parameter', 'encoding_format'],
])('a body that cannot be is refused by its first wrong field', (body, row, param) => {
  expect(() => parseEmbeddings(body)).toThrow(expect.objectContaining({ row, param }))
})

test('the answer has the shape of the OpenAI API and the request id of DashScope', () => {
  const dense = Float32Array.of(0.5, -0.5)
  const result = {
    model: 'm',
    embeddings: [{ index: 0, dense, tokens: 3 }],
    totalTokens: 3,
    space: 's',
  }
  expect(encodeEmbeddings(result, { requestId: 'r1', vectorToWire: (vector) => vector })).toEqual({
    object: 'list',
    model: 'm',
    data: [{ object: 'embedding', index: 0, embedding: dense }],
    usage: { prompt_tokens: 3, total_tokens: 3 },
    id: 'r1',
  })
})

test("Jina's fields have their meaning", () => {
  const body = { model: 'm', input: [{ text: 'a' }, 'b'], task: 'retrieval.query', truncate: true, normalized: false }
  expect(decode(body)).toMatchObject({ inputs: ['a', 'b'], textType: 'query', overlong: 'truncate', normalize: false })
  expect(decode({ model: 'm', input: { text: 'a' }, task: 'text-matching' })).toMatchObject({
    inputs: ['a'],
    textType: 'document',
  })
  expect(decode({ model: 'm', input: 'a', task: 'code.query', text_type: 'document' }).textType).toBe('document')
})

test('without them nothing is cut and vectors have unit length', () => {
  for (const body of [{}, { truncate: 'END', normalized: 'yes' }, { truncate: false, normalized: true }]) {
    const request = decode({ model: 'm', input: 'a', ...body })
    expect(request).not.toHaveProperty('overlong')
    expect(request).not.toHaveProperty('normalize')
  }
})

test("Jina's type of embedding wins over the format that OpenAI's SDKs send unasked", () => {
  const formatOf = (body: object) => vectorFormatOf(parseEmbeddings({ model: 'm', input: 'a', ...body }))
  expect(formatOf({})).toBe('float')
  expect(formatOf({ encoding_format: 'base64' })).toBe('base64')
  expect(formatOf({ encoding_format: 'base64', embedding_type: 'binary' })).toBe('binary')
  expect(formatOf({ embedding_type: ['ubinary'] })).toBe('ubinary')
  expect(formatOf({ encoding_type: 'ubinary' })).toBe('ubinary')
  expect(() => formatOf({ embedding_type: ['float', 'binary'] })).toThrow(
    expect.objectContaining({ param: 'embedding_type' }),
  )
})

test.each([
  [{ input: [{ image: 'x' }] }, 'invalid_parameter', 'input'],
  [{ input: 'a', late_chunking: true }, 'not_supported', 'late_chunking'],
])('what Jina has and this server has not is refused: %j', (body, row, param) => {
  expect(() => decode({ model: 'm', ...body })).toThrow(expect.objectContaining({ row, param }))
})

import { expect, test } from 'vitest'
import type { VectorFormat, VectorToWire } from '../vector-format.js'
import { decodeEmbed, encodeEmbed, parseEmbed } from './embed.js'

const BODY = { model: 'm', input_type: 'search_document', texts: ['a'] }
const decode = (changes: object = {}) => decodeEmbed(parseEmbed({ ...BODY, ...changes }))

test('texts may come as a list or as contents of inputs', () => {
  expect(decode({ texts: ['a', 'b'] }).inputs).toEqual(['a', 'b'])
  const inputs = [{ content: [{ type: 'text', text: 'a' }] }]
  expect(decode({ texts: undefined, inputs })).toMatchObject({ inputs: ['a'], fields: { inputs: 'inputs' } })
})

test('only a search query is a query', () => {
  expect(decode({ input_type: 'search_query' }).textType).toBe('query')
  for (const input_type of ['search_document', 'classification', 'clustering']) {
    expect(decode({ input_type }).textType).toBe('document')
  }
})

test('the end is cut off unless truncate says otherwise', () => {
  expect(decode()).toMatchObject({ overlong: 'truncate', cutAt: 'end' })
  expect(decode({ truncate: 'START' })).toMatchObject({ overlong: 'truncate', cutAt: 'start' })
  expect(decode({ truncate: 'NONE' }).overlong).toBe('error')
})

test.each([
  [{ model: undefined }, 'missing_model', 'model'],
  [{ input_type: undefined }, 'invalid_parameter', 'input_type'],
  [{ input_type: 'other' }, 'invalid_parameter', 'input_type'],
  [{ texts: [] }, 'missing_input', 'texts'],
  [{ texts: 'a' }, 'invalid_parameter', 'texts'],
  [{ embedding_types: ['float16'] }, 'invalid_parameter', 'embedding_types[0]'],
  [{ input_type: 'image', images: ['data:'] }, 'not_supported', 'images'],
  [{ texts: null, inputs: [{ content: [{ type: 'image_url' }] }] }, 'not_supported', 'inputs[0].content'],
  [{ max_tokens: 5 }, 'not_supported', 'max_tokens'],
])('%j is refused by its first wrong field', (changes, row, param) => {
  expect(() => decode(changes)).toThrow(expect.objectContaining({ row, param }))
})

test('97 texts are refused in the words of the live service', () => {
  expect(decode({ texts: Array(96).fill('a') }).inputs).toHaveLength(96)
  expect(() => decode({ texts: Array(97).fill('a') })).toThrow(
    'invalid request: total number of texts must be at most 96 - received 97',
  )
})

test('vectors come in each form that was asked for, and as floats when none was', () => {
  const write =
    (byte: number): VectorToWire =>
    () => [byte]
  const toWire: Record<VectorFormat, VectorToWire> = {
    float: (vector) => vector,
    base64: write(1),
    int8: write(2),
    uint8: write(3),
    binary: write(4),
    ubinary: write(5),
  }
  const result = {
    model: 'm',
    embeddings: [{ index: 0, tokens: 3, dense: new Float32Array(8) }],
    totalTokens: 3,
    space: 's',
  }
  const encode = (embedding_types?: string[]) =>
    encodeEmbed(result, { body: parseEmbed({ ...BODY, embedding_types }), texts: ['a'], requestId: 'r1', toWire })
  expect(encode()).toEqual({
    id: 'r1',
    embeddings: { float: [new Float32Array(8)] },
    texts: ['a'],
    meta: { api_version: { version: '2' }, billed_units: { input_tokens: 3 } },
    response_type: 'embeddings_by_type',
  })
  expect(encode(['int8', 'ubinary', 'int8']).embeddings).toEqual({ int8: [[2]], ubinary: [[5]] })
})

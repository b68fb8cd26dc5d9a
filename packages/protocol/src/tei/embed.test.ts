import { expect, test } from 'vitest'
import { decodeEmbed, decodeEmbedSparse, encodeEmbedSparse, parseEmbed, parseEmbedSparse } from './embed.js'

const context = { model: 'm', textOf: (ids: number[], field: string) => `${field}:${ids.join('+')}` }
const decode = (body: unknown) => decodeEmbed(parseEmbed(body), context)

test('a text, a list, token ids and lists of both are inputs', () => {
  expect(decode({ inputs: 'a' }).inputs).toEqual(['a'])
  expect(decode({ inputs: ['a', 'b'] }).inputs).toEqual(['a', 'b'])
  expect(decode({ inputs: [5, 6] }).inputs).toEqual(['inputs[0]:5+6'])
  expect(decode({ inputs: [[5], 'a', [6, 7]] }).inputs).toEqual(['inputs[0]:5', 'a', 'inputs[2]:6+7'])
})

test('absent and null options are the defaults: documents, unit length, nothing cut', () => {
  const expected = { model: 'm', textType: 'document', outputType: 'dense', normalize: true }
  expect(decode({ inputs: 'a' })).toMatchObject(expected)
  expect(decode({ inputs: 'a', truncate: null, prompt_name: null, normalize: null, dimensions: null })).toMatchObject(
    expected,
  )
  for (const absent of ['dimension', 'overlong']) expect(decode({ inputs: 'a' })).not.toHaveProperty(absent)
  expect(decode({ inputs: 'a', truncate: false }).overlong).toBe('error')
})

test('options keep their meaning', () => {
  const options = {
    truncate: true,
    truncation_direction: 'Left',
    prompt_name: 'query',
    normalize: false,
    dimensions: 64,
  }
  expect(decode({ inputs: 'a', ...options })).toMatchObject({
    overlong: 'truncate',
    cutAt: 'start',
    textType: 'query',
    normalize: false,
    dimension: 64,
  })
  expect(decode({ inputs: 'a', prompt_name: 'passage' }).textType).toBe('document')
})

test('32 inputs are a batch, and not one more', () => {
  expect(decode({ inputs: Array(32).fill('a') }).inputs).toHaveLength(32)
  expect(() => decode({ inputs: Array(33).fill('a') })).toThrow('batch size 33 > maximum allowed batch size 32')
})

test.each([
  [{}, 'invalid_parameter', 'inputs'],
  [{ inputs: 7 }, 'invalid_parameter', 'inputs'],
  [{ inputs: [-1] }, 'invalid_parameter', 'inputs'],
  [{ inputs: [1, 'a'] }, 'invalid_parameter', 'inputs'],
  [{ inputs: [] }, 'missing_input', 'inputs'],
  [{ inputs: '' }, 'missing_input', 'inputs'],
  [{ inputs: ['a', ''] }, 'missing_input', 'inputs[1]'],
  [{ inputs: ['a', []] }, 'missing_input', 'inputs[1]'],
  [{ inputs: 'a', prompt_name: 'toString' }, 'invalid_parameter', 'prompt_name'],
  [{ inputs: 'a', truncate: 'yes' }, 'invalid_parameter', 'truncate'],
  [{ inputs: 'a', dimensions: 6.4 }, 'invalid_parameter', 'dimensions'],
])('%j is refused by its first wrong field', (body, row, param) => {
  expect(() => decode(body)).toThrow(expect.objectContaining({ row, param }))
})

test('sparse terms come by ascending index, without their texts', () => {
  expect(decodeEmbedSparse(parseEmbedSparse({ inputs: 'a' }), context).outputType).toBe('sparse')
  const sparse = [
    { index: 9, value: 0.6, token: 'b' },
    { index: 4, value: 0.8, token: 'a' },
  ]
  const result = { model: 'm', embeddings: [{ index: 0, tokens: 2, sparse }], totalTokens: 2, space: 's' }
  expect(encodeEmbedSparse(result)).toEqual([
    [
      { index: 4, value: 0.8 },
      { index: 9, value: 0.6 },
    ],
  ])
})

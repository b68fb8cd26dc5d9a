import { expect, test } from 'vitest'
import { decodeEmbed, decodeEmbeddings, encodeEmbed, parseEmbed, parseEmbeddings } from './embed.js'
import { parseShow } from './models.js'

const decode = (body: object) => decodeEmbed(parseEmbed({ model: 'm', ...body }))

test('the default tag belongs to the name and not to the model', () => {
  expect(decodeEmbed(parseEmbed({ model: 'm:latest', input: 'a' })).model).toBe('m')
  expect(decodeEmbed(parseEmbed({ model: 'm:v2', input: 'a' })).model).toBe('m:v2')
  expect(parseShow({ name: 'm:latest' })).toBe('m')
})

test('texts are cut unless that is turned off; the older endpoint never cuts', () => {
  expect(decode({ input: 'a' }).overlong).toBe('truncate')
  expect(decode({ input: 'a', truncate: null }).overlong).toBe('truncate')
  expect(decode({ input: 'a', truncate: false }).overlong).toBe('error')
  expect(decodeEmbeddings(parseEmbeddings({ model: 'm', prompt: 'a' }))).not.toHaveProperty('overlong')
})

test('no input asks for no vectors; an empty text in a list is an input like others', () => {
  for (const input of [undefined, null, '', []]) expect(decode({ input }).inputs).toEqual([])
  expect(decode({ input: ['a', ''] }).inputs).toEqual(['a', ''])
})

test('0 dimensions are the default', () => {
  expect(decode({ input: 'a', dimensions: 0 })).not.toHaveProperty('dimension')
  expect(decode({ input: 'a', dimensions: 64 }).dimension).toBe(64)
})

test.each([
  [null, 'invalid_body', ''],
  [{ input: 'a' }, 'missing_model', 'model'],
  [{ model: '', input: 'a' }, 'missing_model', 'model'],
  [{ model: 'm', input: [1] }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: { a: 1 } }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: Array(1001).fill('a') }, 'invalid_parameter', 'input'],
])('a body that cannot be is refused by its first wrong field', (body, row, param) => {
  expect(() => decodeEmbed(parseEmbed(body))).toThrow(expect.objectContaining({ row, param }))
})

test('durations are whole nanoseconds, and the model is named as it was asked for', () => {
  const embeddings = [{ index: 0, tokens: 2, dense: Float32Array.of(0.5, -0.5) }]
  const options = { model: 'm:latest', totalMs: 1.2345678, loadMs: 0.0004 }
  expect(encodeEmbed({ embeddings, totalTokens: 2 }, options)).toEqual({
    model: 'm:latest',
    embeddings: [Float32Array.of(0.5, -0.5)],
    total_duration: 1_234_568,
    load_duration: 400,
    prompt_eval_count: 2,
  })
})

import type { EmbedRequest } from '@quiver/protocol'
import { expect, test } from 'vitest'
import { Catalog } from './catalog.js'
import { check } from './check.js'

const catalog = new Catalog()
const request = (changes: Partial<EmbedRequest>): EmbedRequest => ({
  model: 'text-embedding-v4',
  inputs: ['a'],
  textType: 'document',
  outputType: 'dense',
  fields: { inputs: 'input', dimension: 'dimensions' },
  ...changes,
})
const failure = (changes: Partial<EmbedRequest>) => {
  try {
    check(request(changes), catalog)
  } catch (error) {
    return error
  }
  return undefined
}

test('a request without a dimension gets the default of its model', () => {
  expect(check(request({}), catalog).dimension).toBe(1024)
  expect(check(request({ model: 'text-embedding-v2' }), catalog).dimension).toBe(1536)
})

test('v1 and v2 answer any dimension with their only one', () => {
  expect(check(request({ model: 'text-embedding-v1', dimension: 64 }), catalog).dimension).toBe(1536)
})

test.each([63, 100, 0, -64, 64.5, 4096])('a dimension of %s names what is offered and what came', (dimension) => {
  expect(failure({ dimension })).toMatchObject({
    row: 'invalid_parameter',
    param: 'dimensions',
    message: expect.stringContaining(`[64, 128, 256, 512, 768, 1024, 1536, 2048], got ${dimension}.`),
  })
})

test('2048 components are offered by v4 and not by v3', () => {
  expect(check(request({ dimension: 2048 }), catalog).dimension).toBe(2048)
  expect(failure({ model: 'text-embedding-v3', dimension: 2048 })).toMatchObject({ row: 'invalid_parameter' })
})

test.each([
  ['text-embedding-v4', 10],
  ['text-embedding-v3', 10],
  ['text-embedding-v2', 25],
  ['text-embedding-v1', 25],
])('%s takes %i texts and not one more', (model, limit) => {
  expect(check(request({ model, inputs: Array(limit).fill('a') }), catalog).inputs).toHaveLength(limit)
  expect(failure({ model, inputs: Array(limit + 1).fill('a') })).toMatchObject({
    row: 'invalid_parameter',
    message: expect.stringContaining(`it should not be larger than ${limit}.: input.contents (input has ${limit + 1}`),
  })
})

test('no texts are a missing input', () => {
  expect(failure({ inputs: [] })).toMatchObject({ row: 'missing_input', param: 'input' })
})

test('model ids are case-sensitive, and a very long one is not repeated whole', () => {
  expect(failure({ model: 'Text-Embedding-V4' })).toMatchObject({ row: 'model_not_found' })
  const { message } = failure({ model: 'x'.repeat(10_000) }) as Error
  expect(message.length).toBeLessThan(250)
})

test('sparse vectors are offered by v3 and v4 only', () => {
  expect(check(request({ outputType: 'dense&sparse' }), catalog).outputType).toBe('dense&sparse')
  expect(failure({ model: 'text-embedding-v2', outputType: 'sparse' })).toMatchObject({ row: 'invalid_parameter' })
})

test.each([
  ['text-embedding-3-small', undefined, 1536],
  ['text-embedding-3-small', 1, 1],
  ['text-embedding-3-small', 700, 700],
  ['text-embedding-3-large', undefined, 2048],
  ['text-embedding-ada-002', undefined, 1536],
  ['qwen3.7-text-embedding', undefined, 1024],
])('%s with dimension %s has %i components', (model, dimension, components) => {
  expect(check(request({ model, ...(dimension && { dimension }) }), catalog).dimension).toBe(components)
})

test.each([
  ['text-embedding-3-small', 1537, 'a whole number from 1 to 1536, got 1537'],
  ['text-embedding-3-small', 1.5, 'a whole number from 1 to 1536, got 1.5'],
  ['text-embedding-3-large', 3072, 'a whole number from 1 to 2048, got 3072'],
  ['text-embedding-ada-002', 1536, 'does not support specifying dimensions'],
  ['qwen3.7-text-embedding', 2560, 'got 2560'],
])('%s refuses dimension %s instead of padding', (model, dimension, words) => {
  expect(failure({ model, dimension })).toMatchObject({
    row: 'invalid_parameter',
    message: expect.stringContaining(words),
  })
})

test('an operator may allow more texts than the model takes, never fewer', () => {
  const inputs = Array(30).fill('a')
  expect(check(request({ inputs }), catalog, { maxInputs: 2048 }).inputs).toHaveLength(30)
  const small = request({ model: 'text-embedding-v2', inputs: Array(25).fill('a') })
  expect(check(small, catalog, { maxInputs: 3 }).inputs).toHaveLength(25)
})

test("what happens to long texts is the model's policy unless the request says otherwise", () => {
  expect(check(request({}), catalog).overlong).toBe('error')
  expect(check(request({ overlong: 'truncate' }), catalog).overlong).toBe('truncate')
})

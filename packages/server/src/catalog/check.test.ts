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

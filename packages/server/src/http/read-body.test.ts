import { expect, test } from 'vitest'
import { readJson } from './read-body.js'

const LIMIT = 327_680

test('as many values as there may be are read, one more is refused', () => {
  const list = (length: number) => Buffer.from(JSON.stringify(Array(length).fill('[{,\\"')))
  expect(readJson(list(LIMIT))).toHaveLength(LIMIT)
  expect(() => readJson(list(LIMIT + 1))).toThrow(expect.objectContaining({ row: 'invalid_body' }))
})

const fields = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')}}`
const deep = (levels: number) => `{"text":"${'x'.repeat(100_000)}","deep":${'['.repeat(levels)}${']'.repeat(levels)}}`

test.each([
  ['327680 values', `[${'1,'.repeat(LIMIT)}1]`],
  ['16384 fields', fields(16_385)],
  ['128 levels', deep(128)],
])('a body with more is refused without parsing it: %s', (limit, json) => {
  expect(() => readJson(Buffer.from(json))).toThrow(`more than ${limit}`)
})

test('a body with just as much is read', () => {
  expect(Object.keys(Object(readJson(Buffer.from(fields(16_384)))))).toHaveLength(16_384)
  expect(readJson(Buffer.from(deep(127)))).toHaveProperty('deep')
})

test('a long text is one value, whatever is in it', () => {
  const text = '[{,\\"'.repeat(500_000)
  expect(readJson(Buffer.from(JSON.stringify({ input: text })))).toEqual({ input: text })
})

test('a body that ends within a string, or an escape, is not JSON', () => {
  for (const json of ['"', '"\\', `"${'a'.repeat(LIMIT)}`, `"${'a'.repeat(LIMIT)}\\`]) {
    expect(() => readJson(Buffer.from(json))).toThrow('not valid JSON')
  }
})

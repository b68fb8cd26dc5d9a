import { expect, test } from 'vitest'
import { readJson } from './read-body.js'

const LIMIT = 524_288

test('as many values as there may be are read, one more is refused', () => {
  const list = (length: number) => Buffer.from(JSON.stringify(Array(length).fill('[{,\\"')))
  expect(readJson(list(LIMIT))).toHaveLength(LIMIT)
  expect(() => readJson(list(LIMIT + 1))).toThrow(expect.objectContaining({ row: 'invalid_body' }))
})

test.each([
  ['numbers', `[${'1,'.repeat(LIMIT)}1]`],
  ['keys', `{${Array.from({ length: LIMIT + 2 }, (_, i) => `"k${i}":1`).join(',')}}`],
  ['depth', '['.repeat(LIMIT + 1)],
])('too many values are refused without parsing them: %s', (_name, json) => {
  expect(() => readJson(Buffer.from(json))).toThrow(`more than ${LIMIT} values`)
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

import { expect, test } from 'vitest'
import { inlineBytes } from './inline-media.js'

const limit = { maxBytes: 1000 }
const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 256))
const base64 = bytes.toString('base64')

test('data URIs and bare base64 bring their bytes along, whatever type they say, with line breaks or without', () => {
  expect(inlineBytes(`data:image/png;base64,${base64}`, limit)).toEqual(bytes)
  expect(inlineBytes(`DATA:text/plain;charset=utf-8;base64,${base64}`, limit)).toEqual(bytes)
  expect(inlineBytes(base64, limit)).toEqual(bytes)
  expect(inlineBytes(`data:image/png;base64,${base64.replace(/.{76}/g, '$&\n')}`, limit)).toEqual(bytes)
})

test.each([
  'https://example.com/a.png',
  'oss://bucket/a.png',
  'a.png',
  'aGVsbG8=',
  `file-${'0'.repeat(80)}`,
  `https://example.com/${base64}`,
])('%s only names its bytes', (source) => {
  expect(inlineBytes(source, limit)).toBeUndefined()
})

test.each([
  ['no base64', 'data:image/png;base64,%%%%%%%%%%%%', 'no base64'],
  ['percent-encoded', 'data:text/plain,hello', 'must be base64'],
  ['too large', `data:image/png;base64,${'A'.repeat(2000)}`, '1000 are allowed'],
  ['too large and bare', 'A'.repeat(2000), '1000 are allowed'],
])('%s is refused', (_what, source, words) => {
  expect(() => inlineBytes(source, limit)).toThrow(expect.objectContaining({ row: 'invalid_media' }))
  expect(() => inlineBytes(source, limit)).toThrow(words)
})

test('a body of megabytes takes no longer than its bytes do, whatever is in it', () => {
  const started = performance.now()
  expect(() => inlineBytes(`${'A'.repeat(64)}${' '.repeat(15_000_000)}!`, { maxBytes: 20_000_000 })).toThrow()
  expect(performance.now() - started).toBeLessThan(2_000)
})

import { expect, test } from 'vitest'
import { parseRange } from './send-bytes.js'

test.each([
  ['bytes=0-', { start: 0, end: 10 }],
  ['bytes=0-0', { start: 0, end: 1 }],
  ['bytes=2-4', { start: 2, end: 5 }],
  ['bytes=9-9', { start: 9, end: 10 }],
  ['bytes=2-99', { start: 2, end: 10 }],
  ['bytes=-3', { start: 7, end: 10 }],
  ['bytes=-99', { start: 0, end: 10 }],
  ['bytes=10-', 'none'],
  ['bytes=10-20', 'none'],
  ['bytes=-0', 'none'],
])('%s of ten bytes', (header, range) => expect(parseRange(header, 10)).toEqual(range))

test.each([
  undefined,
  '',
  'bytes',
  'bytes=-',
  'bytes=4-2',
  'bytes=a-b',
  'lines=0-1',
  'bytes=0-1,3-4',
  `bytes=${'9'.repeat(40)}-`,
])('%j asks for the whole', (header) => expect(parseRange(header, 10)).toBeUndefined())

test('nothing has no range', () => {
  expect(parseRange('bytes=0-', 0)).toBe('none')
  expect(parseRange('bytes=-5', 0)).toBe('none')
})

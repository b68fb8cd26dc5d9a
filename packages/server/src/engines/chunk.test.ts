import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chunk } from './chunk.js'

test('a text that fits stays whole', () => {
  expect(chunk(Int32Array.of(1, 2, 3), 3).map((ids) => Array.from(ids))).toEqual([[1, 2, 3]])
})

test('one token too many makes two windows of nearly equal length', () => {
  expect(chunk(Int32Array.of(1, 2, 3, 4), 3).map((ids) => Array.from(ids))).toEqual([
    [1, 2],
    [3, 4],
  ])
})

test('windows hold every token once, in order, none too long', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 1, max: 600 }), (length, window) => {
      const ids = Int32Array.from({ length }, (_, i) => i)
      const windows = chunk(ids, window)
      expect(windows.flatMap((part) => Array.from(part))).toEqual(Array.from(ids))
      expect(windows).toHaveLength(Math.ceil(length / window))
      const lengths = windows.map((part) => part.length)
      expect(Math.max(...lengths)).toBeLessThanOrEqual(window)
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1)
    }),
  )
})

test('no tokens cannot be cut', () => {
  expect(() => chunk(new Int32Array(0), 10)).toThrow(RangeError)
})

test('the windows of a long text are those of the training side', () => {
  // The rule of manifest.json, `chunks`: window i of n ids holds floor(i·n/k) … floor((i+1)·n/k).
  const ids = Int32Array.from({ length: 1203 }, (_, i) => i)
  expect(chunk(ids, 500).map((part) => [part[0], part.at(-1)])).toEqual([
    [0, 400],
    [401, 801],
    [802, 1202],
  ])
})

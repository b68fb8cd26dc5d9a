import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Unigram, unigramTables } from './unigram.js'

const UNKNOWN = 0
const PIECES: [string, number][] = [
  ['<unk>', 0],
  ['a', -2],
  ['b', -2],
  ['ab', -3],
  ['abc', -9],
  ['c', -4],
  ['😀', -5],
  ['</s>', 0],
]
const unigram = new Unigram(unigramTables(PIECES, new Set([0, 7])), UNKNOWN)

test('the most probable pieces win, not the longest', () => {
  expect(unigram.encode('ab')).toEqual([3]) // −3 against −4
  expect(unigram.encode('abc')).toEqual([3, 5]) // −7 against −9
})

test('of equally probable ways the first one found stays', () => {
  const pieces: [string, number][] = [
    ['<unk>', 0],
    ['x', -1],
    ['xx', -2],
  ]
  const tie = new Unigram(unigramTables(pieces, new Set([0])), UNKNOWN)
  expect(tie.encode('xx')).toEqual([2])
})

test('neighbouring unknown characters are one unknown token', () => {
  expect(unigram.encode('a??é漢b')).toEqual([1, UNKNOWN, 2])
})

test('a character outside the basic plane is one character', () => {
  expect(unigram.encode('😀😁😀')).toEqual([6, UNKNOWN, 6])
})

test('text never yields a reserved token', () => {
  expect(unigram.encode('</s>')).toEqual([UNKNOWN])
})

test('the path found is the best of all, by trying them all', () => {
  const score = new Map(PIECES.slice(1, 6).map(([piece, value]) => [piece, value]))
  const best = (word: string): number =>
    word === ''
      ? 0
      : Math.max(
          ...[1, 2, 3].map((length) => {
            const value = word.length >= length ? score.get(word.slice(0, length)) : undefined
            return value === undefined ? Number.NEGATIVE_INFINITY : value + best(word.slice(length))
          }),
        )
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 9 }), (word) => {
      const ids = unigram.encode(word)
      const pieces = ids.map((id): [string, number] => PIECES[id] ?? ['', 0])
      expect(pieces.map(([piece]) => piece).join('')).toBe(word)
      expect(pieces.reduce((sum, [, value]) => sum + value, 0)).toBeCloseTo(best(word), 9)
    }),
  )
})

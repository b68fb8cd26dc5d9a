import fc from 'fast-check'
import { expect, test } from 'vitest'
import { align } from './align.js'

const rules = {
  nfkc: (text: string) => text.normalize('NFKC'),
  removed: /\u00ad|\u200d|\ufe0f/gu,
  spaces: /[\s\u200b]+/gu,
}
/** Each unit of the normalised text with the part of the original that it stands for. */
const places = (text: string) => {
  const aligned = align(text, rules)
  return Array.from(aligned.text, (unit, i) => [unit, text.slice(aligned.starts[i], aligned.ends[i])])
}

test('what does not change stands for itself', () => {
  expect(places('ab')).toEqual([
    ['a', 'a'],
    ['b', 'b'],
  ])
})

test('one character that becomes several lends its place to each', () => {
  expect(places('ﬁn')).toEqual([
    ['f', 'ﬁ'],
    ['i', 'ﬁ'],
    ['n', 'n'],
  ])
})

test('a letter and its mark that become one stand together; so do the jamo of a syllable, halfwidth ones too', () => {
  expect(places('e\u0301')).toEqual([['é', 'e\u0301']])
  expect(places('\u1100\u1161\u11a8')).toEqual([['각', '\u1100\u1161\u11a8']])
  expect(places('ｶﾞ')).toEqual([['ガ', 'ｶﾞ']])
})

test('what is removed is nobody’s place; a run of spaces is its last one; ends are trimmed', () => {
  expect(places('  a\u00adb \t c ')).toEqual([
    ['a', 'a'],
    ['b', 'b'],
    [' ', ' '],
    ['c', 'c'],
  ])
  expect(align('a \t b', rules).starts[1]).toBe(3)
})

test('an astral character is one place for both of its units', () => {
  const { starts, ends } = align('x🙂y', rules)
  expect([starts, ends]).toEqual([
    [0, 1, 1, 3],
    [1, 3, 3, 4],
  ])
})

test('the text is that of normalising the whole at once, and places never go back', () => {
  const marks = fc.constantFrom(
    'e',
    '\u0301',
    '\u0323',
    'ｶ',
    'ﾞ',
    '\u1100',
    '\u1161',
    '\u11a8',
    'ㅏ',
    'ﾡ',
    'ￂ',
    ' ',
    '\u0bc6',
    '\u0bbe',
  )
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ unit: marks, maxLength: 12 }))
  fc.assert(
    fc.property(text, (original) => {
      const aligned = align(original, rules)
      const whole = original
        .toWellFormed()
        .normalize('NFKC')
        .replace(rules.removed, '')
        .replace(rules.spaces, ' ')
        .trim()
      expect(aligned.text).toBe(whole)
      expect(aligned.starts).toHaveLength(whole.length)
      expect(aligned.starts).toEqual(aligned.starts.toSorted((a, b) => a - b))
    }),
    { numRuns: 500 },
  )
})

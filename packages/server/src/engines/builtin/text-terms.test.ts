import { expect, test } from 'vitest'
import { compoundIndex, type TermTokenizer, termsOf } from './text-terms.js'

/** Every character is a piece, a space included; words begin with no mark. */
const characters: TermTokenizer = {
  vocabulary: 0x110000,
  special: new Map([[3, '<unk>']]),
  tokenText: (id) => String.fromCodePoint(id),
  tokenizeWord: (word) => idsOf(word),
}
const idsOf = (text: string) => Array.from(text, (character) => character.codePointAt(0) ?? 0)
const compounds = (text: string) =>
  [...termsOf(Int32Array.from(idsOf(text)), characters)].flatMap((term) => ('text' in term ? [term.text] : []))

test.each([
  ['getUserName', ['get', 'user', 'name']],
  ['parse_HTTPResponse2XX', ['parse', 'http', 'response2', 'xx']],
  ['self.timer += dt2', ['self', 'timer', 'dt2']],
  ['Приветы, МИРУ!', ['приветы', 'миру']],
  ['año हिन्दी', ['año', 'हिन्दी']],
  ['A b', []],
])('the words of «%s», without those of one piece', (text, expected) => {
  expect(compounds(text)).toEqual(expected)
})

test('scripts without spaces have pairs of characters, and no words', () => {
  expect(compounds('杜甫是诗人')).toEqual(['杜甫', '甫是', '是诗', '诗人'])
  expect(compounds('第2名𠮷𠮷')).toEqual(['名𠮷', '𠮷𠮷'])
  expect(compounds('ภาษาไทย')).toEqual([])
})

test('a character that the vocabulary lacks is a gap', () => {
  const ids = Int32Array.from([...idsOf('南京'), 3, ...idsOf('大桥')])
  const found = [...termsOf(ids, characters)].flatMap((term) => ('text' in term ? [term.text] : []))
  expect(found).toEqual(['南京', '大桥'])
})

test('indices of compounds are FNV-1a of UTF-8, folded to 29 bits, above the vocabulary', () => {
  // 32-bit FNV-1a of "foobar" is 0xbf9cf968, of its specification's test suite.
  expect(compoundIndex('foobar', 76_000)).toBe(76_000 + ((0xbf9cf968 >>> 29) ^ (0xbf9cf968 & 0x1fffffff)))
  expect(compoundIndex('长江', 0)).toBeLessThan(2 ** 29)
})

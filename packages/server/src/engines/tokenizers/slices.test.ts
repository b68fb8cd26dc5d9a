import fc from 'fast-check'
import { expect, test } from 'vitest'
import { slicesOf } from './slices.js'

const normalized = (text: string, units?: number) =>
  [...slicesOf(text, units)].map((slice) => slice.normalize('NFKC')).join('')

test('pieces follow each other without loss, and none is much longer than wanted', () => {
  const text = 'word 风 '.repeat(10_000)
  const slices = [...slicesOf(text)]
  expect(slices.join('')).toBe(text)
  expect(Math.max(...slices.map(({ length }) => length))).toBeLessThan(8_200)
  expect([...slicesOf('')]).toEqual([''])
})

test('pairs of surrogates stay together', () => {
  expect([...slicesOf('😀'.repeat(5), 3)].every((slice) => slice.isWellFormed())).toBe(true)
})

test('normalised pieces are the normalised text, for characters that join their neighbours', () => {
  const character = fc.constantFrom(...'ae가각ᄒ\u1161\u11abㅏｶﾞﾟﾡￂ\u0301\u0316\u3099か\u09c7\u09be\ufdfa \u00a8ﬁ😀')
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 60 }), fc.integer({ min: 2, max: 8 }), (text, units) => {
      expect(normalized(text, units)).toBe(text.normalize('NFKC'))
    }),
    { numRuns: 3_000 },
  )
})

test('no character that begins a piece composes with what stands before it', () => {
  const characters = Array.from({ length: 0x110000 }, (_, code) => code).filter(
    (code) => code < 0xd800 || code > 0xdfff,
  )
  const decomposed = (code: number, form: 'NFD' | 'NFKD') =>
    Array.from(String.fromCodePoint(code).normalize(form), (part) => part.codePointAt(0) ?? 0)
  // What stands second in some composition, and whatever has a combining class: canonical order moves only marks.
  const seconds = new Set(characters.flatMap((code) => decomposed(code, 'NFD').slice(1)))
  const joined = characters.filter((code) => {
    const [, second = ''] = [...slicesOf(`ab${String.fromCodePoint(code)}`, 2)]
    const [first = 0] = decomposed(code, 'NFKD')
    return second !== '' && (seconds.has(first) || /\p{M}/u.test(String.fromCodePoint(first)))
  })
  expect(joined.map((code) => code.toString(16))).toEqual([])
}, 120_000)

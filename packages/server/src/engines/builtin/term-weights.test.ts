import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { type TermWeights, weighTerms } from './term-weights.js'
import type { Tokenizer } from './tokenizer.js'
import { BUILTIN_WEIGHTS, loadWeights } from './weights.js'

/** Terms 1 and 2 weigh 1 and 0.5; 3 is another form of 1; 0 is no term. */
const few: TermWeights = {
  canonical: Uint32Array.of(0, 1, 2, 1),
  weights: Float32Array.of(0, 1, 0.5, 0),
  saturation: { constant: 0.5, perToken: 0.25 },
}

test('a document weighs each term by what it says and how often it is there', () => {
  // Two tokens of term 1, one of term 2, one of none: the bend is 0.5 + 4 · 0.25.
  expect(weighTerms(Int32Array.of(2, 1, 3, 0), 'document', few)).toEqual([
    { index: 1, value: Math.fround(2 / 3.5) },
    { index: 2, value: Math.fround(0.5 / 2.5) },
  ])
})

test('a query weighs its terms so that a document that has all of them for certain scores 1', () => {
  const query = weighTerms(Int32Array.of(1, 2), 'query', few)
  expect(query).toEqual([
    { index: 1, value: Math.fround(1 / 1.25) },
    { index: 2, value: Math.fround(0.5 / 1.25) },
  ])
  expect(query.reduce((sum, { index, value }) => sum + value * (few.weights[index] ?? 0), 0)).toBeCloseTo(1, 6)
})

test('a text without terms has none', () => {
  expect(weighTerms(Int32Array.of(0, 0), 'query', few)).toEqual([])
  expect(weighTerms(Int32Array.of(0, 0), 'document', few)).toEqual([])
})

/** Exported by training/term_weights.py. */
interface Golden {
  cases: { text: string; type: 'query' | 'document'; terms: [index: number, value: number][] }[]
}

describe('with the shipped weights', () => {
  let tokenizer: Tokenizer
  let terms: TermWeights
  const weigh = (text: string, textType: 'query' | 'document' = 'document') =>
    weighTerms(tokenizer.tokenize(text, 8192).ids, textType, terms)
  const tokens = (text: string) =>
    weigh(text)
      .map(({ index }) => tokenizer.tokenText(index))
      .sort()

  beforeAll(async () => {
    const weights = await loadWeights(BUILTIN_WEIGHTS)
    tokenizer = weights.tokenizer
    terms = weights.terms
  })

  test('vectors are those of the training side', () => {
    const { cases }: Golden = JSON.parse(readFileSync(new URL('./terms.golden.json', import.meta.url), 'utf8'))
    expect(cases.length).toBeGreaterThanOrEqual(30)
    for (const { text, type, terms: expected } of cases) {
      const found = weigh(text, type)
      expect(
        found.map(({ index }) => index),
        text,
      ).toEqual(expected.map(([index]) => index))
      found.forEach(({ value }, position) => {
        expect(value / (expected[position]?.[1] ?? 0), text).toBeCloseTo(1, 5)
      })
    }
  })

  test.each([
    '风急天高猿啸哀渚清沙白鸟飞回',
    '陸特和漢斯雷頓開創了梵語的學術研究',
    '東京都の人口は約千四百万人です',
    'ภาษาไทยไม่มีช่องว่าง',
    'كم نقطة تخلى عنها دفاع البانثرز',
    'हिन्दी में वाक्य',
    '한국어 문장입니다',
    'привет мир',
    'año niño façade über',
    '🙂 👍 🚀',
  ])('every term of «%s» is a part of it that people can read, and nothing is left out', (text) => {
    const parts = tokens(text).map((token) => token.trim())
    for (const part of parts) expect(text).toContain(part)
    let rest = text.replaceAll(' ', '')
    for (const part of parts.sort((a, b) => b.length - a.length)) rest = rest.replaceAll(part, '')
    expect(rest).toBe('')
  })

  test('forms of one word are one term, named by its plain form', () => {
    expect(tokens('Apple apple apples APPLES')).toContain(' apple')
    expect(tokens('Teams')).toContain(' team')
    expect(tokens('running run')).toEqual([' run'])
  })

  test('a piece is one term at the beginning of a word and inside one, if it is long enough to mean the same', () => {
    expect(tokens('_update')).toEqual(tokens('update'))
  })

  test('punctuation is no term', () => {
    expect(tokens('!?。，')).toEqual([])
    expect(tokens('好！')).toEqual(tokens('好'))
  })

  test('rare words weigh more than common ones', () => {
    const value = (text: string, token: string) =>
      weigh(text).find(({ index }) => tokenizer.tokenText(index) === token)?.value ?? 0
    expect(value('the guitar', ' guitar')).toBeGreaterThan(3 * value('the guitar', ' the'))
  })
})

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { type TermWeights, weighTerms } from './term-weights.js'
import { compoundIndex, type TermTokenizer } from './text-terms.js'
import type { Tokenizer } from './tokenizer.js'
import { BUILTIN_WEIGHTS, loadWeights } from './weights.js'

/** Pieces 1 and 2 weigh 1 and 0.5; 3 is another form of 1; 0 is no term. */
const few: TermWeights = {
  canonical: Uint32Array.of(0, 1, 2, 1),
  pieces: Float32Array.of(0, 1, 0.5, 0),
  compounds: { indices: new Uint32Array(), weights: new Float32Array() },
  rare: { word: 0.25, pair: 0.75 },
  saturation: { constant: 0.5, exponent: 0.5 },
}
/** Its words are letters, each one piece. */
const letters: TermTokenizer = {
  vocabulary: 4,
  special: new Map([[0, '<unk>']]),
  tokenText: (id) => ` ${'?abc'[id]}`,
  tokenizeWord: (word) => [...word].map((letter) => '?abc'.indexOf(letter)),
}

test('a document weighs each term by what it says and how often it is there', () => {
  // Two tokens of term 1, one of term 2, one of none: the bend is 0.5 · √4.
  expect(weighTerms(Int32Array.of(2, 1, 3, 0), 'document', few, letters)).toEqual([
    { index: 1, value: Math.fround(2 / 3), token: ' a' },
    { index: 2, value: Math.fround(0.5 / 2), token: ' b' },
  ])
})

test('a query weighs its terms so that a document that has all of them for certain scores 1', () => {
  const query = weighTerms(Int32Array.of(1, 2), 'query', few, letters)
  expect(query).toEqual([
    { index: 1, value: Math.fround(1 / 1.25), token: ' a' },
    { index: 2, value: Math.fround(0.5 / 1.25), token: ' b' },
  ])
  expect(query.reduce((sum, { index, value }) => sum + value * (few.pieces[index] ?? 0), 0)).toBeCloseTo(1, 6)
})

test('a compound weighs what the table says, or what rare ones of its kind do', () => {
  const joined = { ...letters, tokenText: (id: number) => '?abc'[id] ?? '' }
  const index = compoundIndex('ab', 4)
  const weigh = (weights: TermWeights) =>
    weighTerms(Int32Array.of(1, 2), 'document', weights, joined).find((term) => term.index === index)
  const bend = 0.5 * Math.SQRT2
  expect(weigh(few)).toEqual({ index, value: Math.fround(0.25 / (1 + bend)), token: ' ab' })
  const compounds = { indices: Uint32Array.of(5, index, index + 1), weights: Float32Array.of(0, 0.125, 0) }
  expect(weigh({ ...few, compounds })?.value).toBe(Math.fround(0.125 / (1 + bend)))
})

test('a text without terms has none', () => {
  expect(weighTerms(Int32Array.of(0, 0), 'query', few, letters)).toEqual([])
  expect(weighTerms(Int32Array.of(0, 0), 'document', few, letters)).toEqual([])
  expect(weighTerms(new Int32Array(), 'document', few, letters)).toEqual([])
})

/** Exported by training/term_weights.py. */
interface Golden {
  cases: { text: string; type: 'query' | 'document'; terms: [index: number, value: number][] }[]
}

describe('with the shipped weights', () => {
  let tokenizer: Tokenizer
  let terms: TermWeights
  const weigh = (text: string, textType: 'query' | 'document' = 'document') =>
    weighTerms(tokenizer.tokenize(text, 8192).ids, textType, terms, tokenizer)
  const tokens = (text: string) =>
    weigh(text)
      .map(({ token }) => token)
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
    const characters = [...text]
    const rest = [...text]
    for (const part of tokens(text).map((token) => [...token.trim()])) {
      const starts = [...characters.keys()].filter((start) => part.every((one, i) => characters[start + i] === one))
      expect(starts, part.join('')).not.toEqual([])
      for (const start of starts) rest.fill(' ', start, start + part.length)
    }
    expect(rest.join('').trim()).toBe('')
  })

  test.each(['query', 'document'] as const)('a %s does not depend on the order of its words', (textType) => {
    expect(weigh('风急天高猿啸哀 wind and sky wind', textType)).toEqual(
      weigh('sky wind wind and 风急天高猿啸哀', textType),
    )
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

  test('an identifier has its parts as terms, however it is written', () => {
    for (const name of ['getUserName', 'get_user_name', 'GetUserName()', 'self.get.user.name']) {
      expect(tokens(name), name).toEqual(expect.arrayContaining([' get', ' user', ' name']))
    }
  })

  test('a word of several pieces is a term besides', () => {
    expect(tokens('import NUMPY')).toContain(' numpy')
    expect(tokens('word')).toEqual([' word'])
  })

  test('neighbouring characters are terms, which no cutting into pieces comes between', () => {
    expect(tokens('南京市长江大桥')).toEqual(expect.arrayContaining(['南京', '京市', '市长', '长江', '江大', '大桥']))
    expect(tokens('南京，市长')).not.toContain('京市')
    expect(tokens('東京タワーへ')).toEqual(expect.arrayContaining(['東京', '京タ', 'ワー', 'ーへ']))
  })

  test('a common pair of characters weighs less than a rare one, in both ways of writing Chinese', () => {
    const value = (text: string) => weigh(text).find(({ token }) => token === text)?.value ?? 0
    expect(value('我们')).toBeLessThan(0.8 * value('猿啸'))
    expect(value('我們')).toBeCloseTo(value('我们'), 6)
  })

  test('rare words weigh more than common ones', () => {
    const value = (text: string, token: string) => weigh(text).find((term) => term.token === token)?.value ?? 0
    expect(value('the guitar', ' guitar')).toBeGreaterThan(3 * value('the guitar', ' the'))
  })
})

import { expect, test } from 'vitest'
import { encodeTokens, parseDecode, parseTokenize } from './tokenize.js'

test('places are bytes of UTF-8, for characters of one to four of them', () => {
  const text = 'aé你🙂'
  const tokens = [
    { id: 1, start: 0, end: 1 },
    { id: 2, start: 1, end: 2 },
    { id: 3, start: 2, end: 3 },
    { id: 4, start: 3, end: 5 },
  ]
  expect(encodeTokens(text, tokens).map(({ text, start, stop }) => [text, start, stop])).toEqual([
    ['a', 0, 1],
    ['é', 1, 3],
    ['你', 3, 6],
    ['🙂', 6, 10],
  ])
})

test('a text is framed unless that is turned off', () => {
  expect(parseTokenize({ inputs: 'a' })).toEqual({ texts: ['a'], isFramed: true })
  expect(parseTokenize({ inputs: ['a'], add_special_tokens: false, prompt_name: 'query' })).toEqual({
    texts: ['a'],
    isFramed: false,
    prompt: 'query',
  })
  expect(() => parseTokenize({ inputs: [] })).toThrow(expect.objectContaining({ row: 'missing_input' }))
  expect(() => parseTokenize({ inputs: [[1]] })).toThrow(expect.objectContaining({ row: 'invalid_parameter' }))
})

test('ids are one list or several; an empty one is none', () => {
  expect(parseDecode({ ids: [1, 2] })).toEqual({ lists: [[1, 2]], keepSpecial: false })
  expect(parseDecode({ ids: [[1], [2]], skip_special_tokens: false })).toEqual({ lists: [[1], [2]], keepSpecial: true })
  for (const ids of [[], [[]], [[1], []]]) {
    expect(() => parseDecode({ ids })).toThrow(expect.objectContaining({ row: 'missing_input' }))
  }
  for (const ids of ['1', [1.5], [1, [2]]]) {
    expect(() => parseDecode({ ids })).toThrow(expect.objectContaining({ row: 'invalid_parameter' }))
  }
})

import { describe, expect, test } from 'vitest'
import { createTokenizer } from './create-tokenizer.js'

const special = (id: number, content: string) => ({ id, content, special: true })
const bert = {
  added_tokens: [special(0, '[PAD]'), special(1, '[UNK]'), special(2, '[CLS]'), special(3, '[SEP]')],
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 10,
    vocab: {
      '[PAD]': 0,
      '[UNK]': 1,
      '[CLS]': 2,
      '[SEP]': 3,
      cafe: 4,
      un: 5,
      '##able': 6,
      风: 7,
      '!': 8,
      急: 9,
      '[': 10,
    },
  },
}
const ids = (file: unknown, text: string) => Array.from(createTokenizer(file).tokenize(text, 100).ids)

describe('WordPiece', () => {
  test('strips accents, lowers, cuts at ideographs and punctuation, and pieces words together', () => {
    expect(ids(bert, 'Café UNABLE\u0000! 风急')).toEqual([4, 5, 6, 8, 7, 9])
  })

  test('a word that cannot be pieced together, or is too long, is one unknown token', () => {
    expect(ids(bert, 'unx ununununununun')).toEqual([1, 1])
  })

  test('the places of tokens are those in the text as it came', () => {
    const { tokens } = createTokenizer(bert).locate('Cafe\u0301 unable!', 100)
    expect(tokens).toEqual([
      { id: 4, start: 0, end: 5 },
      { id: 5, start: 6, end: 8 },
      { id: 6, start: 8, end: 12 },
      { id: 8, start: 12, end: 13 },
    ])
  })

  test('reads tokens back, special ones by their names', () => {
    expect(createTokenizer(bert).decode([2, 5, 6, 4, 3])).toBe('[CLS]unable cafe[SEP]')
  })
})

/** GPT-2's alphabet: letters of printable bytes by themselves, of the others from U+0100 on. */
const letters: string[] = []
for (let byte = 0, others = 0; byte < 256; byte++) {
  const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  letters.push(String.fromCharCode(isPrintable ? byte : 0x100 + others++))
}
const bytes: Record<string, number> = Object.fromEntries(letters.map((letter, id) => [letter, id]))
const gpt = {
  added_tokens: [special(300, '<end>'), { id: 301, content: '<tool>', special: false }],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
  post_processor: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    vocab: { ...bytes, he: 256, ll: 257, hell: 258, Ġh: 259 },
    merges: ['h e', 'l l', 'he ll', ['Ġ', 'h']],
  },
}

describe('byte-level BPE', () => {
  test('merges the most urgent pair first', () => {
    expect(ids(gpt, 'hello')).toEqual([258, bytes.o])
    expect(ids(gpt, ' he')).toEqual([bytes.Ġ, 256])
    expect(ids(gpt, ' ha')).toEqual([259, bytes.a])
  })

  test('a text that spells an added token means it, unless it is a special one', () => {
    expect(ids(gpt, 'a<tool>a')).toEqual([bytes.a, 301, bytes.a])
    expect(ids(gpt, '<end>')).not.toContain(300)
  })

  test('a character of several bytes is one place for all of its tokens', () => {
    const { tokens } = createTokenizer(gpt).locate('a🙂b', 100)
    expect(tokens.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [1, 3],
      [1, 3],
      [1, 3],
      [1, 3],
      [3, 4],
    ])
    expect(createTokenizer(gpt).decode(ids(gpt, 'a🙂b'))).toBe('a🙂b')
  })
})

test.each([
  ['post_processor: New', { ...bert, post_processor: { type: 'New' } }],
  ['model.unk_token: [X] is not in the vocabulary', { ...bert, model: { ...bert.model, unk_token: '[X]' } }],
  ['its algorithm is not implemented', { ...bert, model: { type: 'New', vocab: {} } }],
  [
    'added_tokens: <tool> takes what stands beside it',
    { ...gpt, added_tokens: [{ id: 301, content: '<tool>', special: false, lstrip: true }] },
  ],
])('what is not implemented is refused by its name: %s', (message, file) => {
  expect(() => createTokenizer(file)).toThrow(message)
})

test('another algorithm is the library’s, without places', () => {
  const file = {
    ...gpt,
    pre_tokenizer: { type: 'Whitespace' },
    decoder: null,
    model: { ...gpt.model, vocab: { '<unk>': 0, a: 1, b: 2, ab: 3 }, merges: ['a b'], unk_token: '<unk>' },
  }
  const tokenizer = createTokenizer(file)
  expect(tokenizer.hasPlaces).toBe(false)
  expect(Array.from(tokenizer.tokenize('ab a', 10).ids)).toEqual([3, 1])
})

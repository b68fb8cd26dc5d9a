import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Tokenizer } from './tokenizer.js'
import { BUILTIN_WEIGHTS } from './weights.js'

const file = JSON.parse(readFileSync(join(BUILTIN_WEIGHTS, 'tokenizer.json'), 'utf8'))
const RESERVED = new Set([0, 1, 2, 3])
const tokenizer = new Tokenizer(file, RESERVED)
const ids = (text: string, maxTokens = 8192) => Array.from(tokenizer.tokenize(text, maxTokens).ids)

/** Exported by training/export.py with the reference implementation (Hugging Face tokenizers, Rust). */
const golden: { cases: { text: string; ids: number[] }[] } = JSON.parse(
  readFileSync(new URL('./tokenizer.golden.json', import.meta.url), 'utf8'),
)

/** Lines that spell a control token; there, and only there, this tokenizer differs from the reference on purpose. */
const isSpelled = ({ ids: expected }: { ids: number[] }) => expected.some((id) => id < 3)

test('ids are those of the reference implementation, for lines of 30 languages and hostile ones', () => {
  expect(golden.cases.length).toBeGreaterThan(2500)
  const different = golden.cases
    .filter((line) => !isSpelled(line))
    .filter(({ text, ids: expected }) => JSON.stringify(ids(text)) !== JSON.stringify(expected))
  expect(different.map(({ text }) => text)).toEqual([])
})

test('a text that spells a control token is only text', () => {
  const spelled = golden.cases.filter(isSpelled)
  expect(spelled.length).toBeGreaterThan(0)
  for (const { text } of spelled) expect(ids(text).every((id) => id > 3)).toBe(true)
  expect(
    ids('</s>')
      .map((id) => tokenizer.tokenText(id))
      .join('')
      .trim(),
  ).toBe('</s>')
})

test('located tokens are the same tokens, and each has a place in the text', () => {
  for (const { text } of golden.cases.filter((_, i) => i < 100 || i % 5 === 0)) {
    const { tokens } = tokenizer.locate(text, 8192)
    expect(tokens.map(({ id }) => id)).toEqual(ids(text))
    expect(tokens.every(({ start, end }) => 0 <= start && start < end && end <= text.length)).toBe(true)
  }
})

test('places are those of the reference: the space before a word is its own, the first word has none', () => {
  const text = 'Hello  world 🙂ﬁ'
  const places = tokenizer.locate(text, 8192).tokens.map(({ start, end }) => text.slice(start, end))
  expect(places.join('|')).toBe('Hello| world| |🙂|ﬁ')
})

test('located tokens stop at the limit, and that is said', () => {
  const { tokens, isOverLimit } = tokenizer.locate('one two three four', 2)
  expect([tokens.length, isOverLimit]).toEqual([2, true])
})

test('ids decode to the text that they came from, normalised', () => {
  const text = 'ﬁ  Hello 世界 🙂'
  expect(tokenizer.decode(ids(text))).toBe('fi Hello 世界 🙂')
  expect(tokenizer.decode([0, ...ids('a b'), 2])).toBe('<s> a b</s>')
  expect(tokenizer.decode([])).toBe('')
})

test('of a word too long for the limit the beginning is tokenised', () => {
  const { ids: cut, isOverLimit } = tokenizer.tokenize('无边落木'.repeat(1000), 5)
  expect([cut.length, isOverLimit]).toEqual([5, true])
  expect(Array.from(cut)).toEqual(ids('无边落木无边落木无边落木无边落木').slice(0, 5))
})

test('the word cache changes nothing', () => {
  const fresh = new Tokenizer(file, RESERVED)
  for (const { text } of golden.cases.slice(0, 300)) {
    expect(Array.from(fresh.tokenize(text, 8192).ids)).toEqual(ids(text))
  }
})

test('any text has a finite number of tokens, and none is reserved but the unknown', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      expect(ids(text).every((id) => id >= 3)).toBe(true)
    }),
  )
})

test('spaces, controls and lone surrogates alone are no tokens', () => {
  for (const text of ['', ' ', '\n\t\r\n', '\u0000\u200d\ufeff', '\ud800', '　']) expect(ids(text)).toEqual([])
})

test('composed and decomposed letters are the same text', () => {
  expect(ids('Café Ångström 가각'.normalize('NFD'))).toEqual(ids('Café Ångström 가각'))
})

test('a token reads as the text that it stands for', () => {
  expect(
    ids('风急天高')
      .map((id) => tokenizer.tokenText(id))
      .join('')
      .trim(),
  ).toBe('风急天高')
  expect(() => tokenizer.tokenText(10_000_000)).toThrow(RangeError)
})

test('a long text has the tokens of its lines, wherever it is cut', () => {
  const lines = golden.cases.filter((line) => !isSpelled(line))
  const all = tokenizer.tokenize(lines.map(({ text }) => text).join('\n'), 1e6)
  expect(all.ids.length).toBeGreaterThan(50_000)
  expect(Array.from(all.ids)).toEqual(lines.flatMap((line) => line.ids))
})

test.each([
  ['ligatures of eighteen letters', 'ﷺ'],
  ['letters with forty marks', `a${'\u0301'.repeat(40)}`],
  ['words', 'word '],
  ['one word', 'a'],
  ['marks', '\u0301'],
  ['Chinese characters', '风'],
  ['marks of direction', '\u202e'],
])('4 MiB of %s hold up other requests for a moment only', (_name, part) => {
  const text = part.repeat((4 * 2 ** 20) / Buffer.byteLength(part))
  tokenizer.tokenize(text, 8192)
  const before = process.cpuUsage()
  tokenizer.tokenize(text, 8192)
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1000).toBeLessThan(300) // milliseconds of processor; some 60 on the slowest of these
})

test.each([
  ['one word of 2 million letters', 'a'.repeat(2e6)],
  ['2 million combining marks of two classes', `a${'\u0301\u0316'.repeat(1e6)}`],
  ['a million emoji joined by ZWJ', '👨‍'.repeat(3e5)],
  ['2 million spaces', ' '.repeat(2e6)],
  ['2 million lone surrogates', '\udc00'.repeat(2e6)],
  ['a million Chinese characters without a break', '无边落木萧萧下'.repeat(150_000)],
])('%s are done in linear time', (_name, text) => {
  // Quadratic work on two million characters would take hours, not seconds; the test's time limit is the assertion.
  expect(tokenizer.tokenize(text, 8192).ids.length).toBeLessThanOrEqual(8192)
})

test('a word without end is too long, also where all of it is one unknown token', () => {
  expect(tokenizer.tokenize('\u0378'.repeat(1e6), 8192)).toMatchObject({ isOverLimit: true })
  expect(tokenizer.tokenize('\u0378'.repeat(1e5), 8192)).toMatchObject({ isOverLimit: false })
})

test('a file that asks for anything else is refused', () => {
  const other = { ...file, normalizer: { type: 'Sequence', normalizers: [{ type: 'Lowercase' }] } }
  expect(() => new Tokenizer(other, RESERVED)).toThrow()
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cut, estimateTokens, split } from './token-counter.js'

/** A tokenizer of words and single other characters. */
const tokensIn = (text: string) => text.match(/[a-z]+|[^a-z\s]/gu)?.length ?? 0
const count = async (text: string) => tokensIn(text)
const whole = (text: string) => ({ text, tokens: tokensIn(text) })

test('what is kept is the longest beginning, or end, within the limit', async () => {
  const text = 'one two three four five six seven eight nine ten'
  const start = await cut(whole(text), { maxTokens: 4, keep: 'start' }, count)
  expect(start.tokens).toBe(4)
  expect(text.startsWith(start.text)).toBe(true)
  const end = await cut(whole(text), { maxTokens: 4, keep: 'end' }, count)
  expect(end.tokens).toBe(4)
  expect(text.endsWith(end.text)).toBe(true)
})

test('a few questions find the place in a long text, however unevenly its tokens lie', async () => {
  const text = `${'a'.repeat(50_000)} ${'b '.repeat(20_000)}`
  let asked = 0
  const counting = (part: string) => {
    asked++
    return count(part)
  }
  const kept = await cut(whole(text), { maxTokens: 1_000, keep: 'start' }, counting)
  expect(kept.tokens).toBe(1_000)
  expect(asked).toBeLessThan(25)
})

const unit = fc.constantFrom('a', 'b', ' ', '🙂', '风', '\u0301')

test('a cut is within the limit, divides no character, and is all that fits but for a token at the cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit, minLength: 2, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom('start' as const, 'end' as const),
      async (text, maxTokens, keep) => {
        fc.pre(tokensIn(text) > maxTokens)
        const kept = await cut(whole(text), { maxTokens, keep }, count)
        expect(kept.tokens).toBe(tokensIn(kept.text))
        expect(kept.tokens).toBeLessThanOrEqual(maxTokens)
        expect(kept.tokens).toBeGreaterThanOrEqual(maxTokens - 1)
        expect(kept.text.isWellFormed()).toBe(true)
        expect(keep === 'start' ? text.startsWith(kept.text) : text.endsWith(kept.text)).toBe(true)
      },
    ),
  )
})

test('windows are the whole text, none longer than allowed and no last one a remnant', async () => {
  const text = 'word '.repeat(1_001)
  const windows = await split(whole(text), 300, count)
  expect(windows.map((window) => window.text).join('')).toBe(text)
  expect(windows.map(({ tokens }) => tokens)).toEqual([251, 250, 250, 250])
})

test.each([
  ['', 1],
  ['hello world', 4],
  ['风急天高猿啸哀', 6],
])('%s is estimated as %i tokens', (text, tokens) => {
  expect(estimateTokens(text)).toBe(tokens)
})

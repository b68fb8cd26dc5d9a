import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { modelPath } from '../test-models.test.support.js'
import { createTokenizer } from './create-tokenizer.js'

const MODELS = ['all-minilm-l6-v2', 'multilingual-e5-small', 'tiny-qwen3'].map((model) => ({
  model,
  path: modelPath(model, 'tokenizer.json'),
}))

describe.each(MODELS)('$model', ({ path }) => {
  const isHere = existsSync(path)
  const tokenizer = isHere ? createTokenizer(JSON.parse(readFileSync(path, 'utf8'))) : undefined

  test.skipIf(!isHere).each([
    ['one word of 5 million letters', 'a'.repeat(5e6)],
    ['a million letters in different words', Array.from({ length: 15e4 }, (_, i) => `w${i}`).join(' ')],
    ['half a million combining marks of two classes', `a${'\u0301\u0316'.repeat(25e4)}`],
    ['emoji joined by ZWJ', '👨‍'.repeat(1e5)],
    ['a million spaces', ' '.repeat(1e6)],
    ['a million line ends', '\r\n'.repeat(5e5)],
    ['lone surrogates', '\udc00'.repeat(5e5)],
    ['a million NUL', '\0'.repeat(1e6)],
    ['Chinese characters without a break', '无边落木萧萧下'.repeat(50_000)],
    ['marks of punctuation', '!?.,'.repeat(1e5)],
    ['digits', '0123456789'.repeat(5e4)],
    ['ligatures of eighteen letters', 'ﷺ'.repeat(1e5)],
  ])(
    '%s are done in linear time',
    (_name, text) => {
      // Quadratic work on millions of characters would take hours; one text at the limit takes some ten milliseconds.
      const before = process.cpuUsage()
      expect(tokenizer?.tokenize(text, 1e9).ids.length).toBeLessThanOrEqual(18 * text.length)
      const { user, system } = process.cpuUsage(before)
      expect((user + system) / 1e6).toBeLessThan(30)
    },
    120_000,
  )

  test.skipIf(!isHere)('a long text costs little more than its limit', () => {
    const text = 'word '.repeat(1e6)
    const before = process.cpuUsage()
    expect(tokenizer?.tokenize(text, 100)).toMatchObject({ isOverLimit: true })
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1e6).toBeLessThan(1)
  })

  test.skipIf(!isHere)('a text that spells a special token is only text', () => {
    for (const name of tokenizer?.special.values() ?? []) {
      for (const id of tokenizer?.tokenize(`a ${name} b`, 100).ids ?? []) {
        expect(tokenizer?.special.has(id) && tokenizer.special.get(id) === name && !/unk/i.test(name)).toBe(false)
      }
    }
  })

  test.skipIf(!isHere)('wherever a long text is cut for the event loop, its tokens are the same', () => {
    const sentence = 'The quick brown fox 敏捷的棕色狐狸, naïve café №5! '
    const once = tokenizer?.tokenize(sentence, 1e6).ids ?? new Int32Array(0)
    const long = tokenizer?.tokenize(sentence.repeat(5_000).trimEnd(), 1e6).ids ?? new Int32Array(0)
    expect(long.length).toBeGreaterThan(5_000 * (once.length - 2))
    // The period shows in the middle of the text, far from its ends and across every cut.
    const period = (long.length - 1) / 5_000
    const step = Math.round(period)
    let breaks = 0
    for (let i = step; i < long.length - step; i++) if (long[i] !== long[i + step]) breaks++
    expect(breaks).toBe(0)
  })
})

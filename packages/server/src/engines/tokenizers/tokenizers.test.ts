import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { modelPath } from '../test-models.test.support.js'
import { createTokenizer } from './create-tokenizer.js'

interface Golden {
  model: string
  cases: { text: string; ids: number[] }[]
  framed: number[]
}

/** Written by test/weights/golden.py with the reference implementation. */
const goldens: Golden[] = JSON.parse(readFileSync(new URL('./tokenizers.golden.json', import.meta.url), 'utf8'))

describe.each(goldens)('$model', ({ model, cases, framed }) => {
  const path = modelPath(model, 'tokenizer.json')
  const isHere = existsSync(path)
  const tokenizer = () => createTokenizer(JSON.parse(readFileSync(path, 'utf8')))

  test.skipIf(!isHere)('ids are those of the reference implementation', () => {
    const own = tokenizer()
    for (const { text, ids } of cases) expect(Array.from(own.tokenize(text, 1e6).ids), text).toEqual(ids)
    expect([...own.frame.before, ...own.tokenize('a', 10).ids, ...own.frame.after]).toEqual(framed)
  })

  test.skipIf(!isHere)('located tokens are the same tokens, each with a place, where there are places', () => {
    const own = tokenizer()
    if (!own.hasPlaces) return expect(() => own.locate('a', 1)).toThrow(TypeError)
    for (const { text, ids } of cases) {
      const { tokens } = own.locate(text, 1e6)
      expect(
        tokens.map(({ id }) => id),
        text,
      ).toEqual(ids)
      for (const { start, end } of tokens) expect(0 <= start && start < end && end <= text.length, text).toBe(true)
    }
  })
})

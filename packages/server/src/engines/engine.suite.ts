import { setMaxListeners } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cosine, norm } from '../vector/vector.js'
import type { Engine } from './engine.js'

const SENTENCES = [
  '风急天高猿啸哀',
  'The quick brown fox.',
  'Ein Satz auf Deutsch, mit Umlauten: äöü.',
  'def f(x): return x + 1',
  '🙂',
]

/** What every engine promises; each implementation calls this with a way to start itself. */
export function engineSuite(name: string, start: () => Promise<Engine>): void {
  describe(`${name} as an engine`, () => {
    let engine: Engine
    const { signal } = new AbortController()
    const embed = (text: string, textType: 'query' | 'document' = 'document') =>
      engine.embed({ ids: engine.tokenize(text, engine.window).ids, textType }, { signal })

    beforeAll(async () => {
      engine = await start()
    })
    afterAll(() => engine.close())

    test('is up and has an identity of 64 hex digits', () => {
      expect(engine.isUp).toBe(true)
      expect(engine.identity).toMatch(/^[0-9a-f]{64}$/)
    })

    test('vectors are finite, have the promised dimension, and differ between texts', async () => {
      const vectors = await Promise.all(SENTENCES.map((text) => embed(text)))
      for (const vector of vectors) {
        expect(vector).toHaveLength(engine.dimension)
        expect(Number.isFinite(norm(vector))).toBe(true)
        expect(norm(vector)).toBeGreaterThan(0)
      }
      for (const [i, vector] of vectors.entries()) {
        for (const other of vectors.slice(i + 1)) expect(cosine(vector, other)).toBeLessThan(0.99)
      }
    })

    test('a vector is the same bits alone, among others, and in any order', async () => {
      const alone = []
      for (const text of SENTENCES) alone.push(await embed(text))
      const together = await Promise.all(SENTENCES.toReversed().map((text) => embed(text)))
      expect(together.toReversed()).toEqual(alone)
    })

    test('queries and documents are different uses', async () => {
      const [query, document] = await Promise.all([embed('apple', 'query'), embed('apple', 'document')])
      expect(query).not.toEqual(document)
    })

    test('tokens stop at the limit, and that is said', () => {
      const text = 'one two three four five six seven eight'
      const whole = engine.tokenize(text, 100)
      expect(whole.isOverLimit).toBe(false)
      expect(engine.tokenize(text, whole.ids.length).isOverLimit).toBe(false)
      const cut = engine.tokenize(text, whole.ids.length - 1)
      expect(cut.isOverLimit).toBe(true)
      expect(cut.ids.length).toBeLessThan(whole.ids.length)
    })

    test('a full window and a single token both work', async () => {
      const { ids } = engine.tokenize('word '.repeat(engine.window + 10), engine.window)
      expect(ids).toHaveLength(engine.window)
      for (const input of [ids, ids.slice(0, 1)]) {
        expect(await engine.embed({ ids: input, textType: 'query' }, { signal })).toHaveLength(engine.dimension)
      }
    })

    test('sparse vectors have unit length, weights above 0 and each term once', () => {
      const { ids } = engine.tokenize('衣服的质量杠杠的，很漂亮。 The quality of the clothes is great.', engine.window)
      const terms = engine.weighTerms(ids)
      expect(Math.hypot(...terms.map(({ value }) => value))).toBeCloseTo(1, 5)
      expect(terms.every(({ value, token }) => value > 0 && token.length > 0)).toBe(true)
      expect(new Set(terms.map(({ index }) => index)).size).toBe(terms.length)
    })

    test('work that is no longer wanted is dropped; its neighbours are unharmed', async () => {
      const gone = new AbortController()
      setMaxListeners(0, gone.signal)
      const { ids } = engine.tokenize('word '.repeat(400), engine.window)
      const unwanted = Array.from({ length: 20 }, () =>
        engine.embed({ ids, textType: 'document' }, { signal: gone.signal }),
      )
      const wanted = embed('still wanted')
      gone.abort(new Error('gone'))
      const settled = await Promise.allSettled(unwanted)
      expect(settled.every(({ status }) => status === 'rejected')).toBe(true)
      expect(await wanted).toEqual(await embed('still wanted'))
    })
  })
}

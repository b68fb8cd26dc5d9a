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

    test('where the tokenizer can be looked into, it finds the same tokens and reads them back', (context) => {
      const { inspector } = engine
      if (inspector === undefined) return context.skip('the tokenizer is somebody else’s')
      for (const text of SENTENCES) {
        const ids = Array.from(engine.tokenize(text, engine.window).ids)
        expect(inspector.locate(text, engine.window).tokens.map(({ id }) => id)).toEqual(ids)
        expect(inspector.decode(ids)).toBe(text)
      }
      const { before, after } = inspector.frame
      for (const id of [...before, ...after]) expect(inspector.special.has(id)).toBe(true)
    })

    describe('sparse vectors', () => {
      const weigh = (text: string, textType: 'query' | 'document' = 'document') =>
        engine.weighTerms(engine.tokenize(text, engine.window).ids, textType)
      const score = (query: string, document: string) => {
        const values = new Map(weigh(document).map(({ index, value }) => [index, value]))
        return weigh(query, 'query').reduce((sum, { index, value }) => sum + value * (values.get(index) ?? 0), 0)
      }

      test('have values above 0, each term once, in ascending order', () => {
        for (const textType of ['query', 'document'] as const) {
          const terms = weigh('衣服的质量杠杠的，很漂亮。 The quality of the clothes is great.', textType)
          expect(terms.every(({ value, token }) => value > 0 && Number.isFinite(value) && token.length > 0)).toBe(true)
          const indices = terms.map(({ index }) => index)
          expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b))
        }
      })

      test('do not depend on the order of the tokens', () => {
        const { ids } = engine.tokenize('风急天高猿啸哀 wind and sky, wind', engine.window)
        for (const textType of ['query', 'document'] as const) {
          expect(engine.weighTerms(ids.toReversed(), textType)).toEqual(engine.weighTerms(ids, textType))
        }
      })

      test('score a document by the share of the query that it has, within [0, 1]', () => {
        const document = '杜甫是唐代诗人。 Du Fu was a poet of the Tang dynasty.'
        expect(score('unrelated words', '猿')).toBe(0)
        expect(score('poet', document)).toBeGreaterThan(score('poet guitar', document))
        expect(score('poet guitar', document)).toBeGreaterThan(0)
        expect(score('poet', 'poet '.repeat(100))).toBeGreaterThan(score('poet', document))
        expect(score('poet', 'poet '.repeat(100))).toBeLessThanOrEqual(1)
      })
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

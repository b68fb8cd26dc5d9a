import { setMaxListeners } from 'node:events'
import type { TextType } from '@quiver/protocol'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cosine, norm } from '../vector/vector.js'
import type { Engine, PrepareOptions } from './engine.js'

const empty = new Float32Array(0)

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
    const prepare = (text: string, changes: Partial<PrepareOptions> = {}) =>
      engine.prepare(text, { textType: 'document', maxTokens: engine.window, keep: 'start', signal, ...changes })
    const embed = async (text: string, textType: TextType = 'document') => {
      const [raw] = await engine.embed((await prepare(text, { textType })).passes, { signal })
      return raw?.dense ?? new Float32Array(0)
    }

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

    test('a vector is the same alone, among others, and in any order', async () => {
      const alone = []
      for (const text of SENTENCES) alone.push(await embed(text))
      const together = await Promise.all(SENTENCES.toReversed().map((text) => embed(text)))
      for (const [i, vector] of together.toReversed().entries()) {
        expect(cosine(vector, alone[i] ?? empty)).toBeGreaterThan(1 - 1e-6)
      }
    })

    test('queries and documents are different uses', async () => {
      const [query, document] = await Promise.all([embed('apple', 'query'), embed('apple', 'document')])
      expect(query).not.toEqual(document)
    })

    test('tokens stop at the limit, and that is said', async () => {
      const text = 'one two three four five six seven eight'
      // Fewer tokens than bytes, so that engines which leave the counting of short texts for later count at once.
      const whole = await prepare(text, { maxTokens: text.length - 1 })
      expect(whole.isOverLimit).toBe(false)
      const most = whole.tokens
      expect((await prepare(text, { maxTokens: most })).isOverLimit).toBe(false)
      for (const keep of ['start', 'end'] as const) {
        const cut = await prepare(text, { maxTokens: most - 1, keep })
        expect(cut.isOverLimit).toBe(true)
        expect(cut.tokens).toBeLessThan(most)
      }
      expect((await prepare(' ')).passes).toEqual([])
    })

    test('what is kept of a long text is its start, or its end', async () => {
      const text = 'The weather is fine today. Stock prices fell sharply on Monday.'
      const vectorOf = async (keep: 'start' | 'end') => {
        const { tokens } = await prepare(text, { maxTokens: text.length - 1 })
        const { passes } = await prepare(text, { maxTokens: tokens >> 1, keep })
        const [raw] = await engine.embed(passes, { signal })
        return raw?.dense ?? new Float32Array(0)
      }
      const [start, end] = [await vectorOf('start'), await vectorOf('end')]
      const weather = await embed('The weather is fine today.')
      expect(cosine(start, weather)).toBeGreaterThan(cosine(end, weather))
    })

    test('a full window and a single token both work; a longer text is cut into windows', async () => {
      const full = await prepare('word '.repeat(engine.window + 10))
      expect(full.tokens).toBe(engine.window)
      expect(full.passes).toHaveLength(1)
      const long = await prepare('word '.repeat(engine.window + 10), { maxTokens: engine.window + 5 })
      expect(long.passes).toHaveLength(2)
      expect(long.passes.reduce((sum, { textTokens }) => sum + textTokens, 0)).toBe(engine.window + 5)
      for (const { passes } of [full, long, await prepare('word', { maxTokens: 1 })]) {
        for (const pass of passes) {
          expect(pass.tokens).toBeGreaterThanOrEqual(pass.textTokens)
          const [raw] = await engine.embed([pass], { signal })
          expect(raw?.dense).toHaveLength(engine.dimension)
        }
      }
    })

    test('passes of one call answer in their order, as they do alone', async () => {
      const { maxPasses } = engine.batching
      const prepared = await Promise.all(SENTENCES.map((text) => prepare(text)))
      const passes = prepared.flatMap((text) => text.passes).slice(0, maxPasses)
      const together = await engine.embed(passes, { signal })
      for (const [index, pass] of passes.entries()) {
        const [alone] = await engine.embed([pass], { signal })
        expect(cosine(together[index]?.dense ?? empty, alone?.dense ?? empty)).toBeGreaterThan(1 - 1e-6)
      }
    })

    test('where the tokenizer can be looked into, it finds the same tokens and reads them back', async (context) => {
      const { inspector } = engine
      if (inspector === undefined) return context.skip('the tokenizer is somebody else’s')
      for (const text of SENTENCES) {
        const ids = Array.from((await inspector.tokenize(text, engine.window)).ids)
        expect((await prepare(text)).tokens).toBe(ids.length)
        expect((await inspector.locate(text, engine.window)).tokens.map(({ id }) => id)).toEqual(ids)
        expect(inspector.decode(ids)).toBe(text)
      }
      const { before, after } = inspector.frame
      for (const id of [...before, ...after]) expect(inspector.special.has(id)).toBe(true)
    })

    describe('sparse vectors', () => {
      const weigh = async (text: string, textType: TextType = 'document') => {
        const prepared = await prepare(text, { textType })
        if (engine.sparse?.weighTerms !== undefined) return engine.sparse.weighTerms(prepared, textType)
        const [raw] = await engine.embed(prepared.passes, { signal })
        return raw?.sparse ?? []
      }
      const score = async (query: string, document: string) => {
        const values = new Map((await weigh(document)).map(({ index, value }) => [index, value]))
        const terms = await weigh(query, 'query')
        return terms.reduce((sum, { index, value }) => sum + value * (values.get(index) ?? 0), 0)
      }
      beforeEach((context) => {
        if (engine.sparse === undefined) context.skip('the model has no sparse vectors')
      })

      test('have values above 0, each term once, in ascending order', async () => {
        for (const textType of ['query', 'document'] as const) {
          const terms = await weigh('衣服的质量杠杠的，很漂亮。 The quality of the clothes is great.', textType)
          expect(terms.every(({ value, token }) => value > 0 && Number.isFinite(value) && token.length > 0)).toBe(true)
          const indices = terms.map(({ index }) => index)
          expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b))
        }
      })

      test('score a document by the share of the query that it has, within [0, 1]', async () => {
        const document = '杜甫是唐代诗人。 Du Fu was a poet of the Tang dynasty.'
        expect(await score('unrelated words', '猿')).toBe(0)
        expect(await score('poet', document)).toBeGreaterThan(await score('poet guitar', document))
        expect(await score('poet guitar', document)).toBeGreaterThan(0)
        expect(await score('poet', 'poet '.repeat(100))).toBeGreaterThan(await score('poet', document))
        expect(await score('poet', 'poet '.repeat(100))).toBeLessThanOrEqual(1)
      })
    })

    test('work that is no longer wanted is dropped; its neighbours are unharmed', async () => {
      const gone = new AbortController()
      setMaxListeners(0, gone.signal)
      const { passes } = await prepare('word '.repeat(400))
      const unwanted = Array.from({ length: 20 }, () => engine.embed(passes, { signal: gone.signal }))
      const wanted = embed('still wanted')
      gone.abort(new Error('gone'))
      const settled = await Promise.allSettled(unwanted)
      expect(settled.every(({ status }) => status === 'rejected')).toBe(true)
      expect(await wanted).toEqual(await embed('still wanted'))
    })
  })
}

import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import type { CheckedRequest } from '../catalog/check.js'
import type { Engine, RawEmbedding } from '../engines/engine.js'
import { asFake, fakeEngine, fakeVector } from '../engines/fake-engine.test.support.js'
import { cosine, norm } from '../vector/vector.js'
import { Batcher } from './batcher.js'
import { createEmbed, type Embed } from './embed.js'
import { createEmbedText } from './text-vectors.js'

const { signal } = new AbortController()
const always = { signal }

/** The pipeline over one engine. */
function embedWith(engine: Engine, { cacheBytes = 0, fallback = fakeEngine() } = {}): Embed {
  const running = { engine, batcher: new Batcher(engine, { maxQueued: 1000 }) }
  return createEmbed({
    findEngine: async () => running,
    embedText: createEmbedText({ cacheBytes }),
    sparseFallback: fallback,
  })
}

const request = (inputs: string[], changes: Partial<CheckedRequest> = {}): CheckedRequest => ({
  model: new Catalog().get('text-embedding-v4'),
  inputs,
  dimension: 64,
  textType: 'document',
  outputType: 'dense',
  overlong: 'error',
  cutAt: 'end',
  normalize: true,
  inputsField: 'input',
  ...changes,
})

test('embeddings come in request order with their own tokens, of unit length', async () => {
  const embed = embedWith(fakeEngine())
  const result = await embed(request(['abc', 'd', 'ef']), always)
  expect(result.embeddings.map(({ index, tokens }) => [index, tokens])).toEqual([
    [0, 3],
    [1, 1],
    [2, 2],
  ])
  expect(result.totalTokens).toBe(6)
  for (const { dense } of result.embeddings) expect(norm(dense ?? new Float32Array(0))).toBeCloseTo(1, 5)
})

test('an input has the same vector alone and among others, whatever the dimension before it', async () => {
  const embed = embedWith(fakeEngine())
  const alone = await embed(request(['abc']), always)
  const among = await embed(request(['x', 'abc', 'a long text']), always)
  expect(among.embeddings[1]?.dense).toEqual(alone.embeddings[0]?.dense)
})

test('equal texts of one request are computed once', async () => {
  const engine = fakeEngine()
  const result = await embedWith(engine)(request(['a', 'b', 'a', 'a']), always)
  expect(engine.calls).toHaveLength(2)
  expect(result.embeddings[3]?.dense).toEqual(result.embeddings[0]?.dense)
  expect(result.totalTokens).toBe(4)
})

test('a text longer than the window is embedded whole, in windows', async () => {
  const engine = fakeEngine()
  await embedWith(engine)(request(['abcdefghij']), always)
  expect(engine.calls.flat()).toEqual(['abc', 'def', 'ghij'])
})

test.each([
  ['', 'has no tokens'],
  ['   ', 'has no tokens'],
  ['x'.repeat(8193), 'has more than 8192 tokens'],
])('a text of no or too many tokens is refused by its position, and nothing is computed', async (text, reason) => {
  const engine = fakeEngine()
  await expect(embedWith(engine)(request(['a', text]), always)).rejects.toMatchObject({
    row: 'invalid_parameter',
    param: 'input[1]',
    message: expect.stringContaining(reason),
  })
  expect(engine.calls).toHaveLength(0)
})

test.each([
  ['all zeros', new Float32Array(2048)],
  ['not a number', new Float32Array(2048).fill(Number.NaN)],
  ['infinite', new Float32Array(2048).fill(Number.POSITIVE_INFINITY)],
])('a vector that is %s is an error, never an answer', async (_name, vector) => {
  const embed = embedWith(fakeEngine({ embed: async () => [{ dense: vector }] }))
  await expect(embed(request(['a']), always)).rejects.toMatchObject({ row: 'engine_failed' })
})

test('the first failure stops what the other inputs have not begun', async () => {
  const aborted: string[] = []
  const engine = fakeEngine({
    batching: { maxPasses: 1, maxPaddedTokens: 4, concurrency: 3 },
    embed: (passes, options) => {
      const text = asFake(passes)[0]?.text ?? ''
      if (text === 'b') return Promise.reject(new Error('broken'))
      return new Promise((_, reject) => {
        options.signal.addEventListener('abort', () => {
          aborted.push(text)
          reject(options.signal.reason)
        })
      })
    },
  })
  await expect(embedWith(engine)(request(['a', 'b', 'c']), always)).rejects.toThrow('broken')
  expect(aborted).toEqual(['a', 'c'])
})

test('requests of many callers for one text compute it once, and each keeps its own use', async () => {
  const engine = fakeEngine()
  const embed = embedWith(engine)
  const asked = await Promise.all([
    embed(request(['abc'], { dimension: 64 }), always),
    embed(request(['abc'], { dimension: 128 }), always),
    embed(request(['abc'], { textType: 'query' }), always),
    embed(request(['abc']), { signal, caller: 'another' }),
  ])
  expect(engine.calls).toHaveLength(3)
  expect(asked.map(({ embeddings }) => embeddings[0]?.dense?.length)).toEqual([64, 128, 64, 64])
})

test('vectors are remembered where there is memory for them, each in its place whatever the mix', async () => {
  const engine = fakeEngine()
  const embed = embedWith(engine, { cacheBytes: 1_000_000 })
  const fresh = await embedWith(fakeEngine())(request(['a', 'b', 'c', 'd']), always)
  await embed(request(['b', 'd']), always)
  const mixed = await embed(request(['a', 'b', 'c', 'd']), always)
  expect(engine.calls.flat()).toEqual(['b', 'd', 'a', 'c'])
  expect(mixed).toEqual(fresh)
  await embed(request(['a'], { instruct: 'something else' }), always)
  await embed(request(['a']), { signal, caller: 'another' })
  expect(engine.calls.flat().slice(4)).toEqual(['a', 'a'])
})

test('sparse alone runs no forward pass; both gives both', async () => {
  const engine = fakeEngine()
  const embed = embedWith(engine)
  const [sparse] = (await embed(request(['a'], { outputType: 'sparse' }), always)).embeddings
  expect(sparse).toEqual({ index: 0, tokens: 1, sparse: [{ index: 97, value: 1, token: 'x' }] })
  expect(engine.calls).toHaveLength(0)
  const [both] = (await embed(request(['a'], { outputType: 'dense&sparse' }), always)).embeddings
  expect(both).toHaveProperty('dense')
  expect(both).toHaveProperty('sparse')
})

test('each dimension is a space of its own, queries and documents share one', async () => {
  const embed = embedWith(fakeEngine())
  const spaceOf = async (changes: Partial<CheckedRequest>) => (await embed(request(['a'], changes), always)).space
  expect(await spaceOf({ textType: 'query' })).toBe(await spaceOf({ textType: 'document' }))
  expect(await spaceOf({ dimension: 128 })).not.toBe(await spaceOf({ dimension: 64 }))
  const sparse = await embed(request(['a'], { outputType: 'sparse' }), always)
  const both = await embed(request(['a'], { outputType: 'dense&sparse', dimension: 128 }), always)
  expect(sparse.sparseSpace).toMatch(/^[0-9a-f]{16}$/)
  expect(both.sparseSpace).toBe(sparse.sparseSpace)
  expect(await embed(request(['a']), always)).not.toHaveProperty('sparseSpace')
})

test('truncate cuts a long text to its beginning, counts what was kept, and says so', async () => {
  const engine = fakeEngine()
  const model = { ...new Catalog().get('text-embedding-v4'), maxInputTokens: 4 }
  const cut = await embedWith(engine)(request(['abcdefgh', 'abcd'], { model, overlong: 'truncate' }), always)
  expect(cut.embeddings.map(({ tokens, isTruncated }) => [tokens, isTruncated])).toEqual([
    [4, true],
    [4, undefined],
  ])
  expect(cut.embeddings[0]?.dense).toEqual(cut.embeddings[1]?.dense)
  expect(cut.totalTokens).toBe(8)
})

test('chunk-mean embeds a text above the limit whole, up to a bound', async () => {
  const engine = fakeEngine()
  const model = { ...new Catalog().get('text-embedding-v4'), maxInputTokens: 4 }
  const embed = embedWith(engine)
  const whole = await embed(request(['abcdefgh'], { model, overlong: 'chunk-mean' }), always)
  expect(whole.embeddings[0]).toMatchObject({ tokens: 8 })
  expect(whole.embeddings[0]).not.toHaveProperty('isTruncated')
  expect(engine.calls.flat()).toEqual(['abcd', 'efgh'])
  await expect(embed(request(['x'.repeat(131_073)], { model, overlong: 'chunk-mean' }), always)).rejects.toMatchObject({
    message: expect.stringContaining('should be [1, 131072]: input[0] has more than 131072 tokens'),
  })
})

test('an empty text is refused whatever the policy', async () => {
  const embed = embedWith(fakeEngine())
  for (const overlong of ['error', 'truncate', 'chunk-mean'] as const) {
    await expect(embed(request([' '], { overlong }), always)).rejects.toMatchObject({ row: 'invalid_parameter' })
  }
})

test('a list of thousands never has more than a part of it in the queue', async () => {
  let most = 0
  const engine = fakeEngine({
    embed: async (passes): Promise<RawEmbedding[]> => {
      most = Math.max(most, running.batcher.waiting.interactive)
      await turn()
      return asFake(passes).map((pass) => ({ dense: fakeVector(pass) }))
    },
  })
  const running = { engine, batcher: new Batcher(engine, { maxQueued: 1000 }) }
  const embed = createEmbed({
    findEngine: async () => running,
    embedText: createEmbedText({ cacheBytes: 0 }),
    sparseFallback: engine,
  })
  const inputs = Array.from({ length: 2048 }, (_, i) => `text ${i}`.slice(0, 4) + String.fromCharCode(i + 1000))
  const { embeddings } = await embed(request(inputs), always)
  expect(embeddings).toHaveLength(2048)
  expect(most).toBeGreaterThan(400)
  expect(most).toBeLessThan(512) // 256 texts of two windows, less the one under way
})

test('a text that is too long loses the end, or the start, that does not fit', async () => {
  const engine = fakeEngine()
  const model = { ...new Catalog().get('text-embedding-v4'), maxInputTokens: 4 }
  const embed = embedWith(engine)
  const { embeddings } = await embed(request(['abcdef', 'ab'], { model, overlong: 'truncate' }), always)
  await embed(request(['abcdef', 'ab'], { model, overlong: 'truncate', cutAt: 'start' }), always)
  expect(embeddings.map(({ tokens }) => tokens)).toEqual([4, 2])
  expect(engine.calls.flat()).toEqual(['abcd', 'ab', 'cdef', 'ab'])
  await expect(embed(request([' '], { model, overlong: 'truncate' }), always)).rejects.toThrow('has no tokens')
})

test('not normalised, a vector keeps the length that the model gave it, and is of another space', async () => {
  const embed = embedWith(fakeEngine())
  const unit = await embed(request(['abc']), always)
  const raw = await embed(request(['abc'], { normalize: false }), always)
  const [vector, other] = [unit, raw].map(({ embeddings }) => embeddings[0]?.dense ?? new Float32Array(0))
  expect(norm(other ?? new Float32Array(0))).toBeGreaterThan(2)
  expect(cosine(vector ?? new Float32Array(0), other ?? new Float32Array(0))).toBeCloseTo(1, 6)
  expect(raw.space).not.toBe(unit.space)
})

test('not normalised, a vector that is not finite is still an error', async () => {
  const embed = embedWith(fakeEngine({ embed: async () => [{ dense: new Float32Array(2048).fill(Number.NaN) }] }))
  await expect(embed(request(['abc'], { normalize: false }), always)).rejects.toMatchObject({ row: 'engine_failed' })
})

test('a model without sparse vectors of its own lends another’s, in that one’s space', async () => {
  const fallback = fakeEngine()
  const { sparse: _, ...dense } = fakeEngine()
  const own = await embedWith(fallback)(request(['abc'], { outputType: 'sparse' }), always)
  const lent = await embedWith(dense, { fallback })(request(['abc'], { outputType: 'dense&sparse' }), always)
  expect(lent.embeddings[0]?.sparse).toEqual(own.embeddings[0]?.sparse)
  expect(lent.sparseSpace).toBe(own.sparseSpace)
})

test('a sparse head’s terms come out of the pass; those of windows are each the strongest', async () => {
  const engine = fakeEngine({
    sparse: { identity: '2'.repeat(64) },
    embed: async (passes): Promise<RawEmbedding[]> =>
      asFake(passes).map((pass) => ({
        dense: fakeVector(pass),
        sparse: [{ index: 5, value: pass.text.length / 8, token: 'x' }],
      })),
  })
  const { embeddings, sparseSpace } = await embedWith(engine)(
    request(['abcdefg', 'a'], { outputType: 'sparse' }),
    always,
  )
  expect(embeddings).toEqual([
    { index: 0, tokens: 7, sparse: [{ index: 5, value: 0.5, token: 'x' }] },
    { index: 1, tokens: 1, sparse: [{ index: 5, value: 0.125, token: 'x' }] },
  ])
  expect(sparseSpace).not.toBe(
    (await embedWith(fakeEngine())(request(['a'], { outputType: 'sparse' }), always)).sparseSpace,
  )
})

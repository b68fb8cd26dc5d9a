import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import type { CheckedRequest } from '../catalog/check.js'
import type { Engine, TokenInput } from '../engines/engine.js'
import { cosine, norm } from '../vector/vector.js'
import { createEmbed } from './embed.js'

const { signal } = new AbortController()

/** One token a character; a vector that says how many tokens and which first token it was made of. */
function fakeEngine(changes: Partial<Engine> = {}): Engine & { seen: TokenInput[] } {
  const seen: TokenInput[] = []
  return {
    seen,
    id: 'builtin-text',
    identity: '0'.repeat(64),
    sparseIdentity: '1'.repeat(64),
    dimension: 2048,
    window: 4,
    isUp: true,
    tokenize: (text, maxTokens) => {
      const ids = Int32Array.from(text.trim(), (character) => character.charCodeAt(0))
      return { ids: ids.slice(0, maxTokens), isOverLimit: ids.length > maxTokens }
    },
    tokenText: (id) => String.fromCharCode(id),
    async embed(input) {
      seen.push(input)
      await turn()
      return new Float32Array(2048).fill(1).map((_, i) => Math.sin((i + 1) * (input.ids[0] ?? 0)))
    },
    weighTerms: (ids) => [{ index: ids[0] ?? 0, value: 1, token: 'x' }],
    close: async () => {},
    ...changes,
  }
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
  const embed = createEmbed(() => fakeEngine())
  const result = await embed(request(['abc', 'd', 'ef']), signal)
  expect(result.embeddings.map(({ index, tokens }) => [index, tokens])).toEqual([
    [0, 3],
    [1, 1],
    [2, 2],
  ])
  expect(result.totalTokens).toBe(6)
  for (const { dense } of result.embeddings) expect(norm(dense ?? new Float32Array(0))).toBeCloseTo(1, 5)
})

test('an input has the same vector alone and among others, whatever the dimension before it', async () => {
  const embed = createEmbed(() => fakeEngine())
  const alone = await embed(request(['abc']), signal)
  const among = await embed(request(['x', 'abc', 'a long text']), signal)
  expect(among.embeddings[1]?.dense).toEqual(alone.embeddings[0]?.dense)
})

test('equal texts of one request are computed once', async () => {
  const engine = fakeEngine()
  const result = await createEmbed(() => engine)(request(['a', 'b', 'a', 'a']), signal)
  expect(engine.seen).toHaveLength(2)
  expect(result.embeddings[3]?.dense).toEqual(result.embeddings[0]?.dense)
  expect(result.totalTokens).toBe(4)
})

test('a text longer than the window is embedded whole, in windows', async () => {
  const engine = fakeEngine()
  await createEmbed(() => engine)(request(['abcdefghij']), signal)
  expect(engine.seen.map(({ ids }) => ids.length)).toEqual([3, 3, 4])
})

test.each([
  ['', 'has no tokens'],
  ['   ', 'has no tokens'],
  ['x'.repeat(8193), 'has more than 8192 tokens'],
])('a text of no or too many tokens is refused by its position, and nothing is computed', async (text, reason) => {
  const engine = fakeEngine()
  await expect(createEmbed(() => engine)(request(['a', text]), signal)).rejects.toMatchObject({
    row: 'invalid_parameter',
    param: 'input[1]',
    message: expect.stringContaining(reason),
  })
  expect(engine.seen).toHaveLength(0)
})

test.each([
  ['all zeros', new Float32Array(2048)],
  ['not a number', new Float32Array(2048).fill(Number.NaN)],
  ['infinite', new Float32Array(2048).fill(Number.POSITIVE_INFINITY)],
])('a vector that is %s is an error, never an answer', async (_name, vector) => {
  const embed = createEmbed(() => fakeEngine({ embed: async () => vector }))
  await expect(embed(request(['a']), signal)).rejects.toMatchObject({ row: 'engine_failed' })
})

test('the first failure stops what the other inputs have not begun', async () => {
  const aborted: boolean[] = []
  const engine = fakeEngine({
    embed: ({ ids }, options) => {
      if (ids[0] === 'b'.charCodeAt(0)) return Promise.reject(new Error('broken'))
      return new Promise((_, reject) => {
        options.signal.addEventListener('abort', () => {
          aborted.push(true)
          reject(options.signal.reason)
        })
      })
    },
  })
  await expect(createEmbed(() => engine)(request(['a', 'b', 'c']), signal)).rejects.toThrow('broken')
  expect(aborted).toEqual([true, true])
})

test('sparse alone runs no forward pass; both gives both', async () => {
  const engine = fakeEngine()
  const embed = createEmbed(() => engine)
  const [sparse] = (await embed(request(['a'], { outputType: 'sparse' }), signal)).embeddings
  expect(sparse).toEqual({ index: 0, tokens: 1, sparse: [{ index: 97, value: 1, token: 'x' }] })
  expect(engine.seen).toHaveLength(0)
  const [both] = (await embed(request(['a'], { outputType: 'dense&sparse' }), signal)).embeddings
  expect(both).toHaveProperty('dense')
  expect(both).toHaveProperty('sparse')
})

test('each dimension is a space of its own, queries and documents share one', async () => {
  const embed = createEmbed(() => fakeEngine())
  const spaceOf = async (changes: Partial<CheckedRequest>) => (await embed(request(['a'], changes), signal)).space
  expect(await spaceOf({ textType: 'query' })).toBe(await spaceOf({ textType: 'document' }))
  expect(await spaceOf({ dimension: 128 })).not.toBe(await spaceOf({ dimension: 64 }))
  const sparse = await embed(request(['a'], { outputType: 'sparse' }), signal)
  const both = await embed(request(['a'], { outputType: 'dense&sparse', dimension: 128 }), signal)
  expect(sparse.sparseSpace).toMatch(/^[0-9a-f]{16}$/)
  expect(both.sparseSpace).toBe(sparse.sparseSpace)
  expect(await embed(request(['a']), signal)).not.toHaveProperty('sparseSpace')
})

test('truncate cuts a long text to its beginning, counts what was kept, and says so', async () => {
  const engine = fakeEngine()
  const model = { ...new Catalog().get('text-embedding-v4'), maxInputTokens: 4 }
  const cut = await createEmbed(() => engine)(request(['abcdefgh', 'abcd'], { model, overlong: 'truncate' }), signal)
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
  const embed = createEmbed(() => engine)
  const whole = await embed(request(['abcdefgh'], { model, overlong: 'chunk-mean' }), signal)
  expect(whole.embeddings[0]).toMatchObject({ tokens: 8 })
  expect(whole.embeddings[0]).not.toHaveProperty('isTruncated')
  expect(engine.seen.map(({ ids }) => ids.length)).toEqual([4, 4])
  await expect(embed(request(['x'.repeat(131_073)], { model, overlong: 'chunk-mean' }), signal)).rejects.toMatchObject({
    message: expect.stringContaining('should be [1, 131072]: input[0] has more than 131072 tokens'),
  })
})

test('an empty text is refused whatever the policy', async () => {
  const embed = createEmbed(() => fakeEngine())
  for (const overlong of ['error', 'truncate', 'chunk-mean'] as const) {
    await expect(embed(request([' '], { overlong }), signal)).rejects.toMatchObject({ row: 'invalid_parameter' })
  }
})

test('a list of thousands never has more than a part of it in the queue', async () => {
  let queued = 0
  let most = 0
  const engine = fakeEngine({
    dimension: 64,
    embed: async () => {
      most = Math.max(most, ++queued)
      await turn()
      queued--
      return new Float32Array(64).fill(1)
    },
  })
  const inputs = Array.from({ length: 2048 }, (_, i) => `text ${i}`.slice(0, 4) + String.fromCharCode(i + 1000))
  const { embeddings } = await createEmbed(() => engine)(request(inputs), signal)
  expect(embeddings).toHaveLength(2048)
  expect(most).toBe(512) // 256 texts of two windows
})

test('a text that is too long loses the end, or the start, that does not fit', async () => {
  const engine = fakeEngine()
  const model = { ...new Catalog().get('text-embedding-v4'), maxInputTokens: 4 }
  const embed = createEmbed(() => engine)
  const { embeddings } = await embed(request(['abcdef', 'ab'], { model, overlong: 'truncate' }), signal)
  await embed(request(['abcdef', 'ab'], { model, overlong: 'truncate', cutAt: 'start' }), signal)
  expect(embeddings.map(({ tokens }) => tokens)).toEqual([4, 2])
  expect(engine.seen.map(({ ids }) => String.fromCharCode(...ids))).toEqual(['abcd', 'ab', 'cdef', 'ab'])
  await expect(embed(request([' '], { model, overlong: 'truncate' }), signal)).rejects.toThrow('has no tokens')
})

test('not normalised, a vector keeps the length that the model gave it, and is of another space', async () => {
  const embed = createEmbed(() => fakeEngine())
  const unit = await embed(request(['abc']), signal)
  const raw = await embed(request(['abc'], { normalize: false }), signal)
  const [vector, other] = [unit, raw].map(({ embeddings }) => embeddings[0]?.dense ?? new Float32Array(0))
  expect(norm(other ?? new Float32Array(0))).toBeGreaterThan(2)
  expect(cosine(vector ?? new Float32Array(0), other ?? new Float32Array(0))).toBeCloseTo(1, 6)
  expect(raw.space).not.toBe(unit.space)
})

test('not normalised, a vector that is not finite is still an error', async () => {
  const embed = createEmbed(() => fakeEngine({ embed: async () => new Float32Array(2048).fill(Number.NaN) }))
  await expect(embed(request(['abc'], { normalize: false }), signal)).rejects.toMatchObject({ row: 'engine_failed' })
})

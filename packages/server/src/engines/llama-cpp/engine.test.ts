import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TextType } from '@quiver/protocol'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { cosine } from '../../vector/vector.js'
import type { Engine, PrepareOptions } from '../engine.js'
import { engineSuite } from '../engine.suite.js'
import { type LlamaCppEngineOptions, llamaCppDimension, startLlamaCppEngine } from './engine.js'
import { copyModel, missing, modelFolder, TEST_HOME } from './test-models.test.support.js'

interface Case {
  text: string
  type: TextType
  ids: number[]
  dense: number[]
}

const GOLDEN: Record<string, Case[]> = JSON.parse(readFileSync(new URL('engine.golden.json', import.meta.url), 'utf8'))
const QWEN_END = 151643
const { signal } = new AbortController()
type Changes = Partial<
  Pick<LlamaCppEngineOptions, 'home' | 'windowTokens' | 'memoryLimitBytes' | 'jobTimeoutMs' | 'signal'>
>
const startFolder = (folder: string, changes: Changes = {}) =>
  startLlamaCppEngine({ folder, home: TEST_HOME, threads: 1, signal, ...changes })
const start = (model: string, changes?: Changes) => startFolder(modelFolder(model), changes)

const prepare = (engine: Engine, text: string, changes: Partial<PrepareOptions> = {}) =>
  engine.prepare(text, { textType: 'document', maxTokens: engine.window, keep: 'start', signal, ...changes })

async function vectorOf(engine: Engine, text: string, textType: TextType = 'document'): Promise<Float32Array> {
  const { passes } = await prepare(engine, text, { textType })
  const [raw] = await engine.embed(passes, { signal })
  return raw?.dense ?? new Float32Array(0)
}

/** Children of this process that run. */
const processes = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length

/** The ids of a pass, which are nobody's business but its engine's and this test's. */
const idsOf = (pass: unknown): number[] => Array.from((pass as { ids: Int32Array }).ids)

async function worstCosine(engine: Engine, cases: readonly Case[]): Promise<number> {
  let worst = 1
  for (const { text, type, dense } of cases) {
    worst = Math.min(worst, cosine(await vectorOf(engine, text, type), Float32Array.from(dense)))
  }
  return worst
}

const why = missing('tiny-qwen3-gguf', 'tiny-qwen3-old-gguf', 'minilm-gguf', 'minilm-q8-gguf')

// Every start loads weights, and computes them against golden vectors.
const slow = { timeout: 120_000 }

describe.skipIf(why !== undefined)(`the llama-cpp engine${why === undefined ? '' : ` (skipped: ${why})`}`, slow, () => {
  engineSuite('a tiny Qwen3 of GGUF', () => start('tiny-qwen3-gguf', { windowTokens: 300 }))

  describe('Qwen3-Embedding’s shape', () => {
    const cases = GOLDEN['tiny-qwen3'] ?? []
    let engine: Engine
    beforeAll(async () => {
      engine = await start('tiny-qwen3-gguf')
    })
    afterAll(() => engine.close())

    test('the model sees the reference’s ids: prompt and text as one text, the end token once', async () => {
      expect(cases).toHaveLength(20)
      for (const { text, type, ids } of cases) {
        const { passes } = await prepare(engine, text, { textType: type })
        expect(passes.map(idsOf)).toEqual([ids])
        expect(ids.filter((id) => id === QWEN_END)).toHaveLength(1)
        expect(ids.at(-1)).toBe(QWEN_END)
      }
    })

    test('vectors are those of transformers', async () => {
      expect(await worstCosine(engine, cases)).toBeGreaterThan(0.9999)
    })

    test('vectors come as the network makes them, not of unit length', async () => {
      const raw = await vectorOf(engine, 'not normalised')
      expect(Math.abs(Math.hypot(...raw) - 1)).toBeGreaterThan(0.1)
    })

    test('names of special tokens in a text stay text', async () => {
      const { passes } = await prepare(engine, 'end <|endoftext|> or <|im_end|>')
      const [ids = []] = passes.map(idsOf)
      expect(ids.filter((id) => id >= QWEN_END && id < QWEN_END + 20)).toEqual([QWEN_END])
      expect(ids.at(-1)).toBe(QWEN_END)
    })

    test('tokens are counted without the prompt; an instruction takes the place of the prompt’s own', async () => {
      const asQuery = await prepare(engine, 'two words', { textType: 'query' })
      const asDocument = await prepare(engine, 'two words')
      expect(asQuery.tokens).toBe(asDocument.tokens)
      expect(asQuery.passes[0]?.tokens).toBeGreaterThan(asDocument.passes[0]?.tokens ?? 0)
      const told = await prepare(engine, 'two words', { textType: 'query', instruct: 'Find duplicates' })
      expect(told.tokens).toBe(asQuery.tokens)
      expect(engine.inspector?.decode(told.passes.flatMap(idsOf))).toBe(
        'Instruct: Find duplicates\nQuery:two words<|endoftext|>',
      )
    })

    test('an instruction without room for a text is refused, naming the field', async () => {
      await expect(prepare(engine, 'text', { textType: 'query', instruct: 'word '.repeat(5_000) })).rejects.toThrow(
        /instruct has 50\d\d tokens/,
      )
    })

    test('a text longer than its window is cut into windows, and nothing of it is lost', async () => {
      const text = 'one two three '.repeat(2_000)
      const { tokens, passes, isOverLimit } = await prepare(engine, text, { maxTokens: 100_000 })
      expect(isOverLimit).toBe(false)
      expect(passes.length).toBeGreaterThan(1)
      expect(passes.reduce((sum, pass) => sum + pass.textTokens, 0)).toBe(tokens)
      expect(engine.inspector?.decode(passes.flatMap((pass) => idsOf(pass).slice(0, -1)))).toBe(text)
    })

    test('places of tokens are those of the original, where its spelling was normalised too', async () => {
      const text = 'cafe\u0301 🙂 日本'
      const { tokens } = (await engine.inspector?.locate(text, 100)) ?? { tokens: [] }
      expect(tokens.map(({ start, end }) => text.slice(start, end)).join('|')).toMatch(/^c?a?f?e?\u0301?/)
      expect(tokens[0]?.start).toBe(0)
      expect(tokens.at(-1)?.end).toBe(text.length)
      for (const [i, { start, end }] of tokens.entries()) {
        expect(end).toBeGreaterThan(start)
        expect(start).toBeLessThanOrEqual(tokens[i - 1]?.end ?? 0)
      }
    })

    test('tokenising does not wait for passes', async () => {
      const long = await prepare(engine, 'word '.repeat(500))
      let isComputed = false
      const computing = engine.embed(long.passes, { signal }).then(() => {
        isComputed = true
      })
      await prepare(engine, 'a short text')
      expect(isComputed).toBe(false)
      await computing
    })
  })

  test('a file without pooling is refused, naming the key, unless the publisher vouches for one', async () => {
    await expect(start('tiny-qwen3-old-gguf')).rejects.toThrow(
      /qwen3\.pooling_type must be 1 \(mean\), 2 \(cls\) or 3 \(last\)/,
    )
    const { folder, remove } = copyModel('tiny-qwen3-old-gguf', { pooling: 'last' })
    const engine = await startFolder(folder)
    try {
      // Neither its missing add_eos_token nor its wrong end token matters.
      expect(await worstCosine(engine, GOLDEN['tiny-qwen3']?.slice(0, 3) ?? [])).toBeGreaterThan(0.9999)
      expect((await prepare(engine, 'a')).passes.map((pass) => idsOf(pass).at(-1))).toEqual([QWEN_END])
    } finally {
      await engine.close()
      remove()
    }
  })

  test('eight bits lose little, and are another space', async () => {
    const [whole, eight] = await Promise.all([start('minilm-gguf'), start('minilm-q8-gguf')])
    try {
      const cases = (GOLDEN.minilm ?? []).filter(({ ids }) => ids.length <= 512)
      expect(await worstCosine(eight, cases)).toBeGreaterThan(0.99)
      expect(eight.identity).not.toBe(whole.identity)
      expect(eight.network).toMatchObject({ format: 'gguf', arithmetic: 'Q8_0', pooling: 'mean' })
    } finally {
      await Promise.all([whole.close(), eight.close()])
    }
  })

  test('BERT with real weights: the reference’s ids and vectors', async () => {
    const engine = await start('minilm-gguf')
    const cases = (GOLDEN.minilm ?? []).filter(({ ids }) => ids.length <= 512)
    try {
      expect(cases.length).toBeGreaterThan(8)
      for (const { text, ids } of cases) expect((await prepare(engine, text)).passes.map(idsOf)).toEqual([ids])
      expect(await worstCosine(engine, cases)).toBeGreaterThan(0.9999)
      expect(engine.window).toBe(510)
      const full = await prepare(engine, 'word '.repeat(600))
      expect(full.passes.map(({ tokens }) => tokens)).toEqual([512])
      await engine.embed(full.passes, { signal })
    } finally {
      await engine.close()
    }
  })

  test('the dimension is known without starting', async () => {
    expect(await llamaCppDimension({ folder: modelFolder('tiny-qwen3-gguf') })).toBe(32)
    expect(await llamaCppDimension({ file: join(modelFolder('minilm-gguf'), 'model.gguf') })).toBe(384)
  })

  test('a pass that takes too long ends the process; the next one computes', async () => {
    const engine = await start('tiny-qwen3-gguf', { jobTimeoutMs: 1_000 })
    try {
      const long = await prepare(engine, 'word '.repeat(3_500))
      await expect(engine.embed(long.passes, { signal })).rejects.toMatchObject({
        name: 'ApiError',
        cause: { message: expect.stringMatching(/no answer within 1000 ms/) },
      })
      expect(await vectorOf(engine, 'works again')).toHaveLength(32)
    } finally {
      await engine.close()
    }
  })

  test('a process over its memory limit is ended', async () => {
    await expect(start('tiny-qwen3-gguf', { memoryLimitBytes: 50 * 2 ** 20 })).rejects.toThrow(/MiB are allowed/)
  })

  test('damaged weights are refused', async () => {
    const { folder, remove } = copyModel('tiny-qwen3-gguf', {
      files: { 'model.gguf': { bytes: 1, sha256: '0'.repeat(64) } },
    })
    await expect(startFolder(folder)).rejects.toThrow(/model\.gguf has \d+ bytes instead of 1/)
    remove()
  })

  test('where llama.cpp was never installed, it says how', async () => {
    const home = await mkdtemp(join(tmpdir(), 'quiver-home-'))
    await expect(start('tiny-qwen3-gguf', { home })).rejects.toThrow(
      /not installed; run `quiver engines add llama-cpp`/,
    )
    await rm(home, { recursive: true })
  })

  test('an aborted start leaves no process', async () => {
    const stop = new AbortController()
    const before = processes()
    const starting = start('tiny-qwen3-gguf', { signal: stop.signal })
    await vi.waitFor(() => expect(processes()).toBe(before + 1), { interval: 1, timeout: 20_000 })
    stop.abort(new Error('gone'))
    await expect(starting).rejects.toThrow('gone')
    await vi.waitFor(() => expect(processes()).toBe(before))
  })
})

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cosine } from '../../vector/vector.js'
import type { Engine, PrepareOptions } from '../engine.js'
import { engineSuite } from '../engine.suite.js'
import { copyModel, missing, modelPath, TEST_HOME } from '../test-models.test.support.js'
import { findAccelerator } from './accelerator.js'
import { startOnnxEngine } from './engine.js'

interface Case {
  text: string
  type: 'query' | 'document'
  dense: number[]
  sparse?: [token: number, weight: number][]
}

/** Written by test/weights/golden.py with sentence-transformers, float32. */
const goldens: { model: string; cases: Case[] }[] = JSON.parse(
  readFileSync(new URL('./engine.golden.json', import.meta.url), 'utf8'),
)
const { signal } = new AbortController()
const options = { threads: 1, signal }
const vectorOf = async (engine: Engine, text: string, changes: Partial<PrepareOptions> = {}) => {
  const { passes } = await engine.prepare(text, {
    textType: 'document',
    maxTokens: 512,
    keep: 'start',
    signal,
    ...changes,
  })
  const [raw] = await engine.embed(passes, { signal })
  return raw ?? { dense: new Float32Array(0) }
}
/** A random model knows no paraphrases; it proves itself by its golden vectors. */
const goldenOf = (model: string) =>
  JSON.stringify({ tolerance: { cosine: 0.9999 }, cases: goldens.find((golden) => golden.model === model)?.cases })

describe.each(goldens)('$model', ({ model, cases }) => {
  describe.skipIf(missing(model))('', () => {
    const copy = missing(model) ? undefined : copyModel(model, { 'quiver-golden.json': goldenOf(model) })
    let engine: Engine
    beforeAll(async () => {
      engine = await startOnnxEngine({ ...options, folder: copy?.folder ?? '' })
    })
    afterAll(async () => {
      await engine?.close()
      copy?.remove()
    })

    test('vectors are those of sentence-transformers', async () => {
      for (const { text, type, dense } of cases) {
        const own = await vectorOf(engine, text, { textType: type })
        expect(cosine(own.dense, Float32Array.from(dense)), text).toBeGreaterThan(0.9999)
      }
    })

    test('a vector is the same alone and in company of any length', async () => {
      const prepared = await Promise.all(
        cases.map(({ text, type }) => engine.prepare(text, { textType: type, maxTokens: 512, keep: 'start', signal })),
      )
      const passes = prepared.flatMap((text) => text.passes)
      const together = await engine.embed(passes, { signal })
      for (const [i, pass] of passes.entries()) {
        const [alone] = await engine.embed([pass], { signal })
        expect(cosine(alone?.dense ?? new Float32Array(0), together[i]?.dense ?? new Float32Array(0))).toBeGreaterThan(
          1 - 1e-6,
        )
      }
    })

    test('sparse vectors are those of the reference, where the model has them', async () => {
      expect(engine.sparse === undefined).toBe(cases.every(({ sparse }) => sparse === undefined))
      for (const { text, type, sparse = [] } of cases) {
        const own = (await vectorOf(engine, text, { textType: type })).sparse ?? []
        expect(
          own.map(({ index }) => index),
          text,
        ).toEqual(sparse.map(([token]) => token))
        own.forEach(({ value, token }, i) => {
          expect(value).toBeCloseTo(sparse[i]?.[1] ?? 0, 2)
          expect(token).not.toBe('')
        })
      }
    })
  })
})

describe.each(goldens)('$model, accelerated', ({ model, cases }) => {
  const accelerator = findAccelerator(TEST_HOME)
  test.skipIf(missing(model) || accelerator === undefined)(
    'vectors are those of sentence-transformers, and their space is another',
    async () => {
      // Rounding shows more in 32 random components than in 384 trained ones.
      const least = model.startsWith('tiny-') ? 0.999 : 0.9999
      const copy = copyModel(model, { 'quiver-golden.json': goldenOf(model) })
      const [engine, plain] = await Promise.all([
        startOnnxEngine({ ...options, folder: copy.folder, accelerator }),
        startOnnxEngine({ ...options, folder: copy.folder }),
      ])
      for (const { text, type, dense } of cases) {
        const own = await vectorOf(engine, text, { textType: type })
        expect(cosine(own.dense, Float32Array.from(dense)), text).toBeGreaterThan(least)
      }
      expect(engine.network?.arithmetic).toMatch(/^bfloat16/)
      expect(engine.identity).not.toBe(plain.identity)
      await Promise.all([engine.close(), plain.close()])
      copy.remove()
    },
  )
})

if (missing('multilingual-e5-small') === undefined) {
  engineSuite('multilingual-e5-small', () =>
    startOnnxEngine({ ...options, folder: modelPath('multilingual-e5-small') }),
  )
}

describe.skipIf(missing('tiny-qwen3'))('the Qwen way', () => {
  const copy = missing('tiny-qwen3')
    ? undefined
    : copyModel('tiny-qwen3', { 'quiver-golden.json': goldenOf('tiny-qwen3') })
  let engine: Engine
  beforeAll(async () => {
    engine = await startOnnxEngine({ ...options, folder: copy?.folder ?? '' })
  })
  afterAll(async () => {
    await engine?.close()
    copy?.remove()
  })

  test('ends every pass with <|endoftext|>, also that of a cut text', async () => {
    for (const text of ['short', 'word '.repeat(3_000)]) {
      const { passes } = await engine.prepare(text, { textType: 'query', maxTokens: 2_500, keep: 'start', signal })
      for (const pass of passes) expect((pass as unknown as { ids: Int32Array }).ids.at(-1)).toBe(151_643)
    }
  })

  test('a text that takes too much memory is refused, the second time before it is run, and harms no other', async () => {
    const longer = copyModel('tiny-qwen3', {
      'quiver-golden.json': goldenOf('tiny-qwen3'),
      'sentence_bert_config.json': JSON.stringify({ max_seq_length: 4_096 }),
    })
    const own = await startOnnxEngine({ ...options, folder: longer.folder, memoryLimitBytes: 400 * 2 ** 20 })
    const [short, long] = ['short', 'word '.repeat(4_000)]
    const refused = { row: 'invalid_parameter', message: expect.stringMatching(/^A text of 4\d{3} tokens needs more/) }
    try {
      const first = vectorOf(own, long, { maxTokens: 4_050 })
      const neighbour = vectorOf(own, short)
      await expect(first).rejects.toMatchObject(refused)
      expect(await neighbour).toEqual(await vectorOf(engine, short))
      const startedAt = performance.now()
      await expect(vectorOf(own, long, { maxTokens: 4_050 })).rejects.toMatchObject(refused)
      expect(performance.now() - startedAt).toBeLessThan(5_000)
      expect(own.isUp).toBe(true)
    } finally {
      await own.close()
      longer.remove()
    }
  })

  test('an instruction takes the place of the model’s own', async () => {
    const query = { textType: 'query' } as const
    const own = 'Given a web search query, retrieve relevant passages that answer the query'
    const plain = await vectorOf(engine, 'what is love', query)
    expect(await vectorOf(engine, 'what is love', { ...query, instruct: own })).toEqual(plain)
    expect(await vectorOf(engine, 'what is love', { ...query, instruct: 'Find songs' })).not.toEqual(plain)
  })

  test('an instruction as long as the model is refused', async () => {
    const prepared = engine.prepare('a', {
      textType: 'query',
      instruct: 'long '.repeat(2_000),
      maxTokens: 9,
      keep: 'start',
      signal,
    })
    await expect(prepared).rejects.toMatchObject({ row: 'invalid_parameter', param: 'instruct' })
  })
})

describe.skipIf(missing('all-minilm-l6-v2'))('what the files say', () => {
  const start = async (changes: Parameters<typeof copyModel>[1]) => {
    const copy = copyModel('all-minilm-l6-v2', changes)
    try {
      const engine = await startOnnxEngine({ ...options, folder: copy.folder })
      await engine.close()
    } finally {
      copy.remove()
    }
  }
  const pooling = (changes: object) => JSON.stringify({ word_embedding_dimension: 384, ...changes })

  test.each([
    [
      '1_Pooling/config.json: pooling_mode_cls_token and pooling_mode_max_tokens is set',
      { '1_Pooling/config.json': pooling({ pooling_mode_cls_token: true, pooling_mode_max_tokens: true }) },
    ],
    [
      '1_Pooling/config.json: pooling_mode_new is not implemented',
      { '1_Pooling/config.json': pooling({ pooling_mode_new: true }) },
    ],
    ['1_Pooling/config.json is missing', { '1_Pooling/config.json': undefined }],
    [
      'modules.json: a module of type LSTM is not implemented',
      { 'modules.json': '[{"path":"","type":"models.LSTM"}]' },
    ],
    ['config.json: model_type', { 'config.json': '{}' }],
    ['config.json is no JSON', { 'config.json': '{' }],
    [
      'tokenizer.json: normalizer',
      {
        'tokenizer.json':
          '{"model":{"type":"Unigram","unk_id":0,"vocab":[["a",0]]},"normalizer":{"type":"Nmt"},"pre_tokenizer":{"type":"Metaspace","replacement":"▁"}}',
      },
    ],
    ['onnx/model.onnx:', { 'onnx/model.onnx': 'no graph' }],
    [
      'config_sentence_transformers.json: default_prompt_name',
      { 'config_sentence_transformers.json': '{"prompts":{},"default_prompt_name":"x"}' },
    ],
    [
      'quiver-golden.json: case 0 has cosine',
      {
        'quiver-golden.json': JSON.stringify({
          tolerance: { cosine: 0.99 },
          cases: [{ text: 'a', type: 'query', dense: new Array(384).fill(1) }],
        }),
      },
    ],
  ])('%s', async (message, changes) => {
    await expect(start(changes)).rejects.toMatchObject({
      name: 'ModelError',
      message: expect.stringContaining(message),
    })
  })

  test('a damaged file is refused by its hash', async () => {
    const copy = copyModel('all-minilm-l6-v2', { 'tokenizer_config.json': '{}' })
    writeFileSync(`${copy.folder}/tokenizer_config.json`, '{ }')
    await expect(startOnnxEngine({ ...options, folder: copy.folder })).rejects.toThrow(
      'tokenizer_config.json is damaged',
    )
    copy.remove()
  })

  test('weights that break off are told by their size, and cost this model only', async () => {
    // The size is known long before the model's process gives up: nobody may be without an ear for it until then.
    const copy = copyModel('all-minilm-l6-v2')
    rmSync(`${copy.folder}/onnx/model.onnx`)
    writeFileSync(`${copy.folder}/onnx/model.onnx`, 'half')
    await expect(startOnnxEngine({ ...options, folder: copy.folder })).rejects.toThrow(
      /^onnx\/model\.onnx has 4 bytes instead of \d+\.$/,
    )
    copy.remove()
  })
})

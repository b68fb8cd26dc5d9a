import { setMaxListeners } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Picture } from '../../media/picture.js'
import { cosine } from '../../vector/vector.js'
import type { MultimodalEngine } from '../multimodal-engine.js'
import { multimodalEngineSuite } from '../multimodal-engine.suite.js'
import { findAccelerator } from '../onnx/accelerator.js'
import { ModelFolder } from '../pulled/model-folder.js'
import { type Changes, copyModel, missing, modelPath, TEST_HOME } from '../test-models.test.support.js'
import { startOnnxMultimodalEngine } from './engine.js'
import { toPixels } from './pixels.js'
import { readPreprocessing, sizeOf } from './preprocessing.js'

interface Golden {
  model: string
  texts: { text: string; ids: number[]; dense: number[] }[]
  pictures: { levels: string; ends: [number[], number[]]; dense: number[] }[]
}

/** Written by test/weights/clip_golden.py with transformers and Pillow, float32. */
const golden: { pictures: { width: number; height: number; rgb: string }[]; models: Golden[] } = JSON.parse(
  readFileSync(new URL('./engine.golden.json', import.meta.url), 'utf8'),
)
const PICTURES: Picture[] = golden.pictures.map(({ width, height, rgb }) => ({
  width,
  height,
  rgb: Buffer.from(rgb, 'base64'),
}))
const { signal } = new AbortController()
const options = { threads: 1, signal }
const LONG = Number.MAX_SAFE_INTEGER
const EXACT = 0.99999

/** A random model calls nothing red; it proves itself by its golden vectors. */
function goldenOf({ texts, pictures }: Golden): string {
  const seen = pictures.map(({ dense }, i) => ({ ...golden.pictures[i], dense }))
  return JSON.stringify({ tolerance: { cosine: EXACT }, texts, pictures: seen })
}

/** onnxruntime reads numbers beside a graph from its own folder only, and follows no link. */
function copyWith(model: string, proof: string) {
  const beside = 'onnx/model.onnx_data'
  const data = existsSync(modelPath(model, beside)) ? { [beside]: readFileSync(modelPath(model, beside)) } : {}
  return copyModel(model, { 'quiver-golden.json': proof, ...data })
}

/** Tests are listed also where the models are missing, and then skipped. */
const graphOf = (model: string, path: string) => (missing(model) ? '' : readFileSync(modelPath(model, path)))

const textVectors = async (engine: MultimodalEngine, texts: readonly string[]) =>
  engine.embedTexts(await Promise.all(texts.map((text) => engine.tokenize(text, { maxTokens: LONG, signal }))), {
    signal,
  })

describe.each(golden.models)('$model', (own) => {
  const { model, texts, pictures } = own
  describe.skipIf(missing(model))('', () => {
    const copy = missing(model) ? undefined : copyWith(model, goldenOf(own))
    let engine: MultimodalEngine
    beforeAll(async () => {
      engine = await startOnnxMultimodalEngine({ ...options, folder: copy?.folder ?? '' })
    })
    afterAll(async () => {
      await engine?.close()
      copy?.remove()
    })

    test('texts are tokenised as the reference does it', async () => {
      for (const { text, ids } of texts) {
        const own = await engine.tokenize(text, { maxTokens: LONG, signal })
        const inner = Array.from(own.ids)
        const at = ids.findIndex((_, i) => inner.every((id, j) => ids[i + j] === id))
        expect({ text, at: at <= 1, inner }).toEqual({ text, at: true, inner: ids.slice(at, at + inner.length) })
      }
      const cuts = await Promise.all(texts.map(({ text }) => engine.tokenize(text, { maxTokens: LONG, signal })))
      expect(cuts.map(({ isCut }) => isCut)).toMatchObject({ 0: false, 3: false, [texts.length - 1]: true })
      expect(await engine.tokenize('a photo of a cat', { maxTokens: 2, signal })).toEqual({
        ids: cuts[0]?.ids.slice(0, 2),
        isCut: true,
      })
    })

    test('texts of any length take a moment, and what comes after spaces is not lost', async () => {
      for (const text of ['a'.repeat(60_000), '海边的日落'.repeat(12_000), '👩‍👩‍👧'.repeat(7_000)]) {
        const startedAt = performance.now()
        expect(await engine.tokenize(text, { maxTokens: 50, signal })).toMatchObject({ isCut: true })
        expect(performance.now() - startedAt).toBeLessThan(1_000)
      }
      const spaced = await engine.tokenize(`${'\n'.repeat(9_000)}cat`, { maxTokens: LONG, signal })
      if (model !== 'tiny-siglip2') expect(spaced).toEqual(await engine.tokenize('cat', { maxTokens: LONG, signal }))
    })

    test('vectors of texts are those of transformers, alone and in company', async () => {
      const together = await textVectors(
        engine,
        texts.map(({ text }) => text),
      )
      for (const [i, { text, dense }] of texts.entries()) {
        const [alone] = await textVectors(engine, [text])
        expect(alone).toHaveLength(engine.dimension)
        expect(cosine(alone ?? new Float32Array(0), Float32Array.from(dense)), text).toBeGreaterThan(EXACT)
        expect(cosine(alone ?? new Float32Array(0), together[i] ?? new Float32Array(0))).toBeGreaterThan(1 - 1e-6)
      }
    })

    test('pictures are prepared pixel for pixel as by the reference processor', async () => {
      const folder = await ModelFolder.open(copy?.folder ?? '', 'onnx')
      const steps = await readPreprocessing(folder, folder.towers?.preprocessor ?? '')
      const { width, height } = sizeOf(steps)
      for (const [i, { levels, ends }] of pictures.entries()) {
        const pixels = toPixels(PICTURES[i] as Picture, steps)
        const wanted = Buffer.from(levels, 'base64')
        expect(pixels).toHaveLength(wanted.length)
        const [black, white] = ends
        wanted.forEach((level, place) => {
          const channel = Math.floor(place / (width * height))
          const [low, high] = [black[channel] ?? 0, white[channel] ?? 0]
          expect(pixels[place]).toBeCloseTo(low + ((high - low) * level) / 255, 5)
        })
      }
    })

    test('vectors of pictures are those of transformers, in any company', async () => {
      const vectors = await engine.embedPictures(PICTURES, { signal })
      const turned = await engine.embedPictures(PICTURES.toReversed(), { signal })
      for (const [i, { dense }] of pictures.entries()) {
        expect(cosine(vectors[i] ?? new Float32Array(0), Float32Array.from(dense))).toBeGreaterThan(EXACT)
        expect(turned.at(-1 - i)).toEqual(vectors[i])
      }
    })

    test('a very long picture is seen in its middle', async () => {
      const rgb = new Uint8Array(40_000 * 2 * 3).fill(90)
      const [long, small] = await engine.embedPictures(
        [
          { width: 40_000, height: 2, rgb },
          { width: 8, height: 8, rgb: rgb.subarray(0, 192) },
        ],
        { signal },
      )
      expect(cosine(long ?? new Float32Array(0), small ?? new Float32Array(0))).toBeGreaterThan(1 - 1e-6)
    })
  })
})

for (const own of golden.models.filter(({ model }) => missing(model) === undefined)) {
  const copy = copyWith(own.model, goldenOf(own))
  afterAll(() => copy.remove())
  multimodalEngineSuite(own.model, () => startOnnxMultimodalEngine({ ...options, folder: copy.folder }))
}

describe.each(golden.models)('$model, accelerated', (own) => {
  const accelerator = findAccelerator(TEST_HOME)
  test.skipIf(missing(own.model) || accelerator === undefined)(
    'vectors are those of transformers; their space is another, unless one graph has both networks',
    async () => {
      const copy = copyWith(own.model, goldenOf(own))
      const [engine, plain] = await Promise.all([
        startOnnxMultimodalEngine({ ...options, folder: copy.folder, accelerator }),
        startOnnxMultimodalEngine({ ...options, folder: copy.folder }),
      ])
      const vectors = await engine.embedPictures(PICTURES, { signal })
      for (const [i, { dense }] of own.pictures.entries()) {
        expect(cosine(vectors[i] ?? new Float32Array(0), Float32Array.from(dense))).toBeGreaterThan(0.999)
      }
      const isSplit = ['tiny-chinese-clip', 'tiny-jina-clip'].includes(own.model)
      expect(engine.identity === plain.identity).toBe(isSplit)
      await Promise.all([engine.close(), plain.close()])
      copy.remove()
    },
  )
})

describe.skipIf(missing('tiny-clip'))('what the files say', () => {
  const start = async (changes: Changes, towers?: object) => {
    const copy = copyModel('tiny-clip', changes)
    const path = join(copy.folder, 'quiver-model.json')
    const file = JSON.parse(readFileSync(path, 'utf8'))
    writeFileSync(path, JSON.stringify({ ...file, towers: towers === undefined ? file.towers : towers }))
    try {
      const engine = await startOnnxMultimodalEngine({ ...options, folder: copy.folder })
      await engine.close()
      return engine
    } finally {
      copy.remove()
    }
  }
  const preprocessor = (changes: object) => ({
    'preprocessor_config.json': JSON.stringify({ image_processor_type: 'CLIPImageProcessor', ...SMALL, ...changes }),
  })
  const SMALL = { size: { shortest_edge: 32 }, crop_size: 32 }
  const golden0 = golden.models[0] as Golden
  const proof = { 'quiver-golden.json': goldenOf(golden0) }

  test.each([
    ['preprocessor_config.json: image_processor_type is missing', preprocessor({ image_processor_type: undefined })],
    [
      'image_processor_type: Siglip2ImageProcessor is not implemented',
      preprocessor({ image_processor_type: 'Siglip2ImageProcessor' }),
    ],
    ['preprocessor_config.json: do_pad is not implemented', preprocessor({ do_pad: true })],
    ['preprocessor_config.json: resample: 9 is not implemented', preprocessor({ resample: 9 })],
    ['preprocessor_config.json: size', preprocessor({ size: { longest_edge: 32 } })],
    ['preprocessor_config.json: do_resize must be true', preprocessor({ do_resize: false })],
    ['size.shortest_edge without do_center_crop', preprocessor({ do_center_crop: false })],
    ['crop_size: is larger than size', preprocessor({ crop_size: 40 })],
    ['image_mean', preprocessor({ image_mean: [0.5] })],
    ['makes them 1 × 3 × 48 × 48', preprocessor({ size: 48, crop_size: 48 })],
    ['config.json: model_type: clipseg is not implemented', { 'config.json': '{"model_type":"clipseg"}' }],
    [
      'the input pixel_values (float32) is not known',
      { 'onnx/text_model.onnx': graphOf('tiny-clip', 'onnx/vision_model.onnx') },
    ],
    ['onnx/text_model.onnx, onnx/vision_model.onnx:', { 'onnx/vision_model.onnx': 'no graph' }],
  ])('%s', async (message, changes) => {
    await expect(start(changes)).rejects.toMatchObject({
      name: 'ModelError',
      message: expect.stringContaining(message),
    })
  })

  test('another way to prepare pictures, or to fill up texts, is another space', async () => {
    const plain = await start(proof)
    const towers = {
      text: 'onnx/text_model.onnx',
      picture: 'onnx/vision_model.onnx',
      preprocessor: 'preprocessor_config.json',
    }
    // Pictures of another filter are a little different; the golden vectors have to know of it.
    const loose = {
      'quiver-golden.json': JSON.stringify({ ...JSON.parse(goldenOf(golden0)), tolerance: { cosine: 0.5 } }),
    }
    const filtered = await start({ ...loose, ...preprocessor({ resample: 2 }) })
    const filledUp = await start(proof, { ...towers, facts: { captionTokens: 77, captionPadId: 0 } })
    expect(new Set([plain.identity, filtered.identity, filledUp.identity]).size).toBe(3)
    expect((await start(proof)).identity).toBe(plain.identity)
  })

  test('a model of texts only has no towers', async () => {
    await expect(start({}, null as unknown as object)).rejects.toThrow('towers')
  })

  test('golden vectors that are not met stop the start', async () => {
    const wrong = { ...JSON.parse(goldenOf(golden0)) }
    wrong.pictures[1].dense = wrong.pictures[0].dense
    await expect(start({ 'quiver-golden.json': JSON.stringify(wrong) })).rejects.toThrow(
      /quiver-golden.json: picture 1 has cosine .* instead of 0.99999 or more/,
    )
  })

  test('a graph of one shape needs to be told how texts are filled up', async () => {
    const fixed = readFileSync(modelPath('tiny-mobileclip/onnx/s0/text_model.onnx'))
    await expect(start({ ...proof, 'onnx/text_model.onnx': fixed })).rejects.toThrow('texts of 77 tokens only')
  })
})

describe.skipIf(missing('tiny-siglip2'))('its process', () => {
  const siglip = golden.models.find(({ model }) => model === 'tiny-siglip2') as Golden
  const start = async (changes: Partial<Parameters<typeof startOnnxMultimodalEngine>[0]> = {}) => {
    const copy = copyModel('tiny-siglip2', { 'quiver-golden.json': goldenOf(siglip) })
    const engine = await startOnnxMultimodalEngine({ ...options, folder: copy.folder, ...changes })
    return { engine, copy }
  }

  test('that takes too much memory is ended; what waited is computed by the next one', async () => {
    const { engine, copy } = await start({ memoryLimitBytes: 400 * 2 ** 20 })
    const side = 9_000
    const huge = { width: side, height: side, rgb: new Uint8Array(side * side * 3) }
    await expect(engine.embedPictures([huge], { signal })).rejects.toMatchObject({
      row: 'engine_failed',
      cause: { message: expect.stringMatching(/took \d+ MiB of memory; 400 MiB are allowed/) },
    })
    expect(engine.isUp).toBe(true)
    const [again] = await engine.embedPictures(PICTURES.slice(0, 1), { signal })
    expect(cosine(again ?? new Float32Array(0), Float32Array.from(siglip.pictures[0]?.dense ?? []))).toBeGreaterThan(
      EXACT,
    )
    await engine.close()
    copy.remove()
  }, 60_000)

  test('a broken picture fails alone', async () => {
    const { engine, copy } = await start()
    const broken = { width: 8, height: 8, rgb: new Uint8Array(3) }
    const [first, second] = await Promise.allSettled([
      engine.embedPictures([broken], { signal }),
      engine.embedPictures(PICTURES, { signal }),
    ])
    expect(first).toMatchObject({ status: 'rejected', reason: { row: 'engine_failed' } })
    expect(second.status).toBe('fulfilled')
    await engine.close()
    await expect(engine.embedPictures(PICTURES, { signal })).rejects.toThrow()
    copy.remove()
  })

  test('drops what nobody wants any more', async () => {
    const { engine, copy } = await start()
    const gone = new AbortController()
    setMaxListeners(0, gone.signal)
    const unwanted = [...Array(20).keys()].map(() => engine.embedPictures(PICTURES, { signal: gone.signal }))
    const wanted = textVectors(engine, ['still wanted'])
    gone.abort(new Error('gone'))
    const settled = await Promise.allSettled(unwanted)
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true)
    expect(await wanted).toEqual(await textVectors(engine, ['still wanted']))
    await engine.close()
    copy.remove()
  })
})

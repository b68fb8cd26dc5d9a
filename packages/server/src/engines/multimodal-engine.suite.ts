import { setMaxListeners } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Picture } from '../media/picture.js'
import { cosine, norm } from '../vector/vector.js'
import type { MultimodalEngine } from './multimodal-engine.js'

const TEXTS = ['a brown dog runs through the snow', '两只狗在雪地里玩', 'a city at night', '🙂']

/** A picture whose every pixel is a function of its place. */
function paint(width: number, height: number, colour: (x: number, y: number) => [number, number, number]): Picture {
  const rgb = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rgb.set(colour(x / width, y / height), (y * width + x) * 3)
  }
  return { width, height, rgb }
}

/** Of different sizes and shapes, smaller and larger than what models see, so that batches mix them. */
const PICTURES = [
  paint(64, 48, (x, y) => [255 * x, 255 * y, 128]),
  paint(500, 300, (x, y) => ((Math.floor(x * 10) + Math.floor(y * 10)) % 2 === 0 ? [255, 255, 255] : [200, 20, 30])),
  paint(200, 700, (x, y) => (Math.hypot(x - 0.5, y - 0.5) < 0.3 ? [250, 220, 40] : [20, 60, 160])),
  paint(224, 224, (x, y) => [127 + 127 * Math.sin(40 * x), 127 + 127 * Math.sin(30 * y), 60]),
]

/** What every engine of texts and pictures promises; each implementation calls this with a way to start itself. */
export function multimodalEngineSuite(name: string, start: () => Promise<MultimodalEngine>): void {
  describe(`${name} as an engine of texts and pictures`, () => {
    let engine: MultimodalEngine
    const { signal } = new AbortController()
    const tokenize = (text: string, maxTokens = 512) => engine.tokenize(text, { maxTokens, signal })
    const embedTexts = async (texts: readonly string[]) =>
      engine.embedTexts(await Promise.all(texts.map((text) => tokenize(text))), { signal })
    const embedPictures = (pictures: readonly Picture[]) => engine.embedPictures(pictures, { signal })

    beforeAll(async () => {
      engine = await start()
    })
    afterAll(() => engine.close())

    const kinds: [string, readonly unknown[], (positions: readonly number[]) => Promise<Float32Array[]>][] = [
      ['texts', TEXTS, (positions) => embedTexts(positions.map((i) => TEXTS[i] ?? ''))],
      ['pictures', PICTURES, (positions) => embedPictures(positions.flatMap((i) => PICTURES[i] ?? []))],
    ]

    test('is up and has an identity of 64 hex digits', () => {
      expect(engine.isUp).toBe(true)
      expect(engine.identity).toMatch(/^[0-9a-f]{64}$/)
    })

    describe.each(kinds)('%s', (_, inputs, embed) => {
      const all = [...inputs.keys()]

      test('have finite vectors of the promised dimension that differ', async () => {
        const vectors = await embed(all)
        expect(vectors).toHaveLength(inputs.length)
        for (const vector of vectors) expectUsable(vector, engine.dimension)
        for (const [i, vector] of vectors.entries()) {
          for (const other of vectors.slice(i + 1)) expect(cosine(vector, other)).toBeLessThan(0.999)
        }
      })

      test('have the same vector alone, among others, and in any order', async () => {
        const alone = []
        for (const i of all) alone.push(...(await embed([i])))
        const together = (await embed(all.toReversed())).toReversed()
        for (const i of all) expect(likeness(alone[i], together[i])).toBeGreaterThan(1 - 1e-5)
      })

      test('have the same bits each time', async () => {
        expect(await embed(all)).toEqual(await embed(all))
      })

      test('may be none', async () => {
        expect(await embed([])).toEqual([])
      })

      test('have prefixes that are vectors, where the model was trained so', async (context) => {
        if (!engine.isMatryoshka) return context.skip('its vectors are of one length only')
        for (const vector of await embed(all))
          expectUsable(vector.slice(0, engine.dimension / 16), engine.dimension / 16)
      })

      test('of a call that is no longer wanted are dropped; other calls are unharmed', async () => {
        const gone = new AbortController()
        setMaxListeners(0, gone.signal)
        const captions = await Promise.all(TEXTS.map((text) => tokenize(text)))
        const unwanted = Array.from({ length: 10 }, () => [
          engine.embedTexts(captions, { signal: gone.signal }),
          engine.embedPictures(PICTURES, { signal: gone.signal }),
        ]).flat()
        const wanted = embed(all)
        const settled = Promise.allSettled(unwanted)
        const reason = new Error('gone')
        gone.abort(reason)
        for (const one of await settled) expect(one).toMatchObject({ status: 'rejected', reason })
        expect(await wanted).toEqual(await embed(all))
        await expect(engine.embedPictures(PICTURES, { signal: gone.signal })).rejects.toBe(reason)
      })
    })

    test('tokens stop at the limit, and that is said', async () => {
      const text = 'one two three four five six seven eight'
      const whole = await tokenize(text)
      expect(whole.isCut).toBe(false)
      expect((await tokenize(text, whole.ids.length)).isCut).toBe(false)
      const cut = await tokenize(text, whole.ids.length - 1)
      expect(cut.isCut).toBe(true)
      expect(cut.ids.length).toBeLessThan(whole.ids.length)
      const [full, part] = await engine.embedTexts([whole, cut], { signal })
      expect(likeness(full, part)).toBeLessThan(1 - 1e-6)
    })

    test('texts of any length have a vector', async () => {
      const long = await tokenize('snow '.repeat(50_000))
      expect(long.isCut).toBe(true)
      const [vector] = await engine.embedTexts([long], { signal })
      expectUsable(vector, engine.dimension)
      const [nothing] = await embedTexts([' '])
      expect(nothing).toHaveLength(engine.dimension)
      expect(nothing?.every(Number.isFinite)).toBe(true)
    })

    test('pictures of any shape have a vector', async () => {
      const grey = (): [number, number, number] => [90, 140, 200]
      const shapes = [paint(1, 1, grey), paint(3000, 1, grey), paint(2, 2000, grey), paint(1600, 1200, grey)]
      for (const vector of await embedPictures(shapes)) expectUsable(vector, engine.dimension)
    })

    test('pictures are only read', async () => {
      const copies = PICTURES.map(({ rgb }) => rgb.slice())
      await embedPictures(PICTURES)
      expect(PICTURES.map(({ rgb }) => rgb)).toEqual(copies)
    })

    test('texts and pictures at the same time do not disturb each other', async () => {
      const [said, seen] = await Promise.all([embedTexts(TEXTS), embedPictures(PICTURES)])
      expect([await embedTexts(TEXTS), await embedPictures(PICTURES)]).toEqual([said, seen])
    })

    test('after closing, it is not up and computes nothing; what was under way ends', async () => {
      const closing = await start()
      const underWay = Array.from({ length: 5 }, () => closing.embedPictures(PICTURES, { signal }))
      const settled = Promise.allSettled(underWay)
      await closing.close()
      await settled
      expect(closing.isUp).toBe(false)
      await expect(closing.embedPictures(PICTURES, { signal })).rejects.toThrow()
    })
  })
}

function expectUsable(vector: Float32Array | undefined, dimension: number): void {
  expect(vector).toHaveLength(dimension)
  const length = norm(vector ?? new Float32Array(0))
  expect(length).toBeGreaterThan(0)
  expect(Number.isFinite(length)).toBe(true)
}

function likeness(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return a === undefined || b === undefined ? Number.NaN : cosine(a, b)
}

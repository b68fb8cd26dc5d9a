import type { InputPart, MultimodalRequest } from '@quiver/protocol'
import { expect, test } from 'vitest'
import { checkMultimodal } from '../catalog/check-multimodal.js'
import { MULTIMODAL_EMBEDDING } from '../catalog/multimodal-embedding.js'
import { type MultimodalModel, servedBy } from '../catalog/multimodal-model.js'
import { Batcher } from '../embedding/batcher.js'
import { FAKE_DIMENSION, fakeMultimodalEngine } from '../engines/fake-multimodal-engine.test.support.js'
import type { MultimodalEngine } from '../engines/multimodal-engine.js'
import { invalidMedia } from '../media/invalid-media.js'
import { cosine, norm } from '../vector/vector.js'
import { createEmbedContents } from './embed-contents.js'
import { withPasses } from './passes.js'
import { createReadMedia } from './read-media.js'

const { signal } = new AbortController()
const [V1] = MULTIMODAL_EMBEDDING
const OPEN: MultimodalModel = {
  ...V1,
  id: 'open',
  dimensions: [4, FAKE_DIMENSION],
  defaultDimension: FAKE_DIMENSION,
  dimensionChoice: 'listed',
  kinds: ['text', 'image', 'video', 'multi_images'],
  maxInputs: 8,
  maxOfKind: {},
  maxImagesPerInput: 4,
  maxTextTokens: 5,
  tokensPerImage: [10],
}
const FIELDS = { inputs: 'i', dimension: 'd', isFused: 'e', fps: 'f', maxFrames: 'm', resolutionLevel: 'r' }

/** A file of one byte is a picture of one pixel of that red; a video is its frames, each a byte. */
const picture = (red: number) => ({ width: 1, height: 1, rgb: Uint8Array.of(red, 0, 0) })
const readMedia = createReadMedia(
  {
    decodeImage: async ([red]) => {
      if (red === undefined || red === 255) throw invalidMedia('the picture is broken')
      return picture(red)
    },
    sampleFrames: async (bytes, { maxFrames }) => ({
      pictures: [...bytes.slice(0, maxFrames)].map(picture),
      duration: bytes.length / 2,
    }),
  },
  { room: 4 },
)
/** `red:7` is fetched as the byte 7. */
const fetchMedia = async (source: string) => Uint8Array.from(source.split(':')[1]?.split(',') ?? [], Number)

function embedWith(engine: MultimodalEngine = fakeMultimodalEngine()) {
  const batched = withPasses(engine)
  const running = { engine: batched, batcher: new Batcher(batched, { maxQueued: 100 }) }
  const embedContents = createEmbedContents({ findEngine: async () => running, readMedia })
  return (inputs: InputPart[][], more: Partial<MultimodalRequest> = {}, model = OPEN) =>
    embedContents(checkMultimodal({ model: model.id, inputs, fields: FIELDS, ...more }, model), { signal, fetchMedia })
}

const text = (words: string): InputPart => ({ kind: 'text', text: words, field: 'i.text' })
const image = (red: number): InputPart => ({ kind: 'image', source: `red:${red}`, field: 'i.image' })

test('a text in which the engine sees nothing is named, as a blank one is', async () => {
  const nothing = { ids: new Int32Array(0), isCut: false }
  const embed = embedWith({ ...fakeMultimodalEngine(), tokenize: async () => nothing })
  await expect(embed([[image(3)], [text('\u200d')]])).rejects.toThrow('i.text has no tokens')
})

test('every input has a unit vector of its own, in its order, and says what it was', async () => {
  const embed = embedWith()
  const { embeddings, usage, truncated, model, space } = await embed([
    [image(3)],
    [text('ab')],
    [{ kind: 'video', source: 'red:1,2,3', field: 'v' }],
    [{ kind: 'multi_images', sources: ['red:1', 'red:2'], field: 'm' }],
  ])
  expect(embeddings.map(({ index, kind }) => [index, kind])).toEqual([
    [0, 'image'],
    [1, 'text'],
    [2, 'video'],
    [3, 'multi_images'],
  ])
  for (const { dense } of embeddings) expect(norm(dense)).toBeCloseTo(1, 6)
  expect(usage).toEqual({ textTokens: 2, imageTokens: 60, imageCount: 3, videoSeconds: 1.5 })
  expect({ truncated, model }).toEqual({ truncated: [], model: 'open' })
  expect(space).toMatch(/^[0-9a-f]{16}$/)
})

test('a picture has the same vector alone, among others, and as bytes', async () => {
  const embed = embedWith()
  const alone = (await embed([[image(3)]])).embeddings[0]?.dense
  const among = (await embed([[text('x')], [image(9)], [image(3)]])).embeddings[2]?.dense
  const asBytes = (await embed([[{ kind: 'image', source: Uint8Array.of(3), field: 'i' }]])).embeddings[0]?.dense
  expect(among).toEqual(alone)
  expect(asBytes).toEqual(alone)
})

test('several parts of one input make one vector: the direction with the largest sum of cosines', async () => {
  const embed = embedWith()
  const one = async (...parts: InputPart[]) => (await embed([parts])).embeddings[0]?.dense ?? new Float32Array(0)
  const [a, b] = [await one(text('a')), await one(image(4))]
  const fused = await one(text('a'), image(4))
  expect(norm(fused)).toBeCloseTo(1, 6)
  expect(cosine(fused, a)).toBeCloseTo(cosine(fused, b), 5)
  expect(cosine(fused, a) + cosine(fused, b)).toBeGreaterThan(1 + cosine(a, b) - 1e-6)
  expect((await embed([[text('a'), image(4)]])).embeddings).toMatchObject([{ index: 0, kind: 'fused' }])
})

test('one vector of all inputs, where the model is asked for it or always does so', async () => {
  const embed = embedWith()
  const inputs = [[text('a')], [image(4)]]
  const together = (await embed([inputs.flat()])).embeddings[0]?.dense
  const asked = await embed(inputs, { isFused: true }, { ...OPEN, fusion: 'asked' })
  expect(asked.embeddings).toEqual([{ index: 0, kind: 'fused', dense: together }])
  expect((await embed(inputs, {}, { ...OPEN, fusion: 'always' })).embeddings).toEqual(asked.embeddings)
  expect((await embed(inputs, {}, { ...OPEN, fusion: 'asked' })).embeddings).toHaveLength(2)
})

test('a narrower model is filled up with zeros where the public model says so, and no cosine changes', async () => {
  const embed = embedWith()
  const v1 = servedBy(V1, { dimension: FAKE_DIMENSION, isMatryoshka: false })
  const inputs = [[text('a')], [image(4)]]
  const padded = (await embed(inputs, { dimension: 512 }, v1)).embeddings.map(({ dense }) => dense)
  const whole = (await embed(inputs)).embeddings.map(({ dense }) => dense)
  expect(padded.map(({ length }) => length)).toEqual([1024, 1024])
  expect(padded[0]?.slice(FAKE_DIMENSION).every((component) => component === 0)).toBe(true)
  const [a, b, c, d] = [...padded, ...whole] as [Float32Array, Float32Array, Float32Array, Float32Array]
  expect(cosine(a, b)).toBeCloseTo(cosine(c, d), 6)
})

test('a shorter vector is the beginning of the whole one, of another space', async () => {
  const embed = embedWith()
  const whole = await embed([[image(4)]])
  const short = await embed([[image(4)]], { dimension: 4 })
  const [begun = new Float32Array(0), all = new Float32Array(0)] = [short, whole].map(
    ({ embeddings }) => embeddings[0]?.dense,
  )
  expect(begun).toHaveLength(4)
  expect(cosine(begun, all.slice(0, 4))).toBeCloseTo(1, 6)
  expect(short.space).not.toBe(whole.space)
})

test('a text that is too long is cut, and that is said', async () => {
  const engine = fakeMultimodalEngine()
  const { truncated, usage } = await embedWith(engine)([[image(1)], [text('abcdefgh')], [text('abc')]])
  expect(truncated).toEqual([1])
  expect(usage.textTokens).toBe(8)
  expect(engine.calls.flat()).toContain('abcde')
})

test('a text of nothing is refused before anything is fetched', async () => {
  const engine = fakeMultimodalEngine()
  await expect(embedWith(engine)([[image(1)], [text(' ')]])).rejects.toMatchObject({
    row: 'invalid_parameter',
    param: 'i.text',
  })
  expect(engine.calls).toEqual([])
})

test('what is wrong with a file names the field, in the message too; the others are stopped', async () => {
  await expect(embedWith()([[text('a')], [image(255)]])).rejects.toMatchObject({
    row: 'invalid_media',
    param: 'i.image',
    message: expect.stringMatching(/broken.*\(i\.image\)$/),
  })
  const list: InputPart = { kind: 'multi_images', sources: ['red:1', 'red:255'], field: 'm' }
  await expect(embedWith()([[list]])).rejects.toMatchObject({ param: 'm[1]' })
})

test('frames of a list are taken evenly, and count as frames of a video without a clock', async () => {
  const engine = fakeMultimodalEngine()
  const source = Array.from({ length: 10 }, (_, i) => `red:${i}`)
  const { usage } = await embedWith(engine)([[{ kind: 'video', source, field: 'v' }]], { maxFrames: 2 })
  expect(engine.calls.flat()).toEqual(['1x1 2,0,0', '1x1 7,0,0'])
  expect(usage).toEqual({ textTokens: 0, imageTokens: 20, imageCount: 0, videoSeconds: 0 })
})

test('who goes is let go: nothing more is fetched or computed', async () => {
  const gone = new AbortController()
  const fetched: string[] = []
  const batched = withPasses(fakeMultimodalEngine())
  const running = { engine: batched, batcher: new Batcher(batched, { maxQueued: 100 }) }
  const embedContents = createEmbedContents({ findEngine: async () => running, readMedia })
  const inputs = Array.from({ length: 8 }, (_, i) => [image(i)])
  const work = embedContents(checkMultimodal({ model: 'open', inputs, fields: FIELDS }, OPEN), {
    signal: gone.signal,
    fetchMedia: async (source) => {
      fetched.push(source)
      gone.abort(new Error('gone'))
      return Uint8Array.of(1)
    },
  })
  await expect(work).rejects.toThrow('gone')
  expect(fetched.length).toBeLessThanOrEqual(4)
})

test('a vector that is not finite is an error, never an answer', async () => {
  const broken = fakeMultimodalEngine({
    embedTexts: async (texts) => texts.map(() => new Float32Array(FAKE_DIMENSION).fill(Number.NaN)),
  })
  await expect(embedWith(broken)([[text('a')]])).rejects.toMatchObject({ row: 'engine_failed' })
})

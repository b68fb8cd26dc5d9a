import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InputPart } from '@quiver/protocol'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { assemblePipeline } from './assemble.js'
import { checkMultimodal } from './catalog/check-multimodal.js'
import { missing, modelPath } from './engines/test-models.test.support.js'
import { changeServing } from './serving-file.js'
import { cosine } from './vector/vector.js'

interface Golden {
  pictures: { width: number; height: number; rgb: string }[]
  models: { model: string; texts: { text: string; dense: number[] }[]; pictures: { dense: number[] }[] }[]
}

const MODEL = 'tiny-siglip2'
const { signal } = new AbortController()
const golden: Golden = JSON.parse(
  readFileSync(new URL('./engines/onnx-multimodal/engine.golden.json', import.meta.url), 'utf8'),
)
const { texts = [], pictures = [] } = golden.models.find(({ model }) => model === MODEL) ?? {}

/** A home into which the model was pulled, with its golden vectors. */
function homeWithModel(): string {
  const home = mkdtempSync(join(tmpdir(), 'quiver-multimodal-'))
  const folder = join(home, 'models', MODEL)
  mkdirSync(folder, { recursive: true })
  cpSync(modelPath(MODEL), folder, { recursive: true })
  const seen = pictures.map(({ dense }, i) => ({ ...golden.pictures[i], dense }))
  const proof = JSON.stringify({ tolerance: { cosine: 0.9999 }, texts, pictures: seen })
  writeFileSync(join(folder, 'quiver-golden.json'), proof)
  const path = join(folder, 'quiver-model.json')
  const manifest = JSON.parse(readFileSync(path, 'utf8'))
  const sha256 = createHash('sha256').update(proof).digest('hex')
  const files = { ...manifest.files, 'quiver-golden.json': { bytes: Buffer.byteLength(proof), sha256 } }
  writeFileSync(path, JSON.stringify({ ...manifest, files, variant: 'fp32', dimension: 32, maxTokens: 64 }))
  return home
}

test.skipIf(missing(MODEL))(
  'a pulled model answers under its own name, and behind a wider one with zeros at the end',
  async () => {
    const home = homeWithModel()
    await changeServing(home, 'multimodal-embedding-v1', MODEL)
    const settings = {
      home,
      threads: 1,
      maxQueuedInputs: 100,
      cacheBytes: 0,
      models: {},
      engines: {},
      ffmpeg: 'ffmpeg',
    }
    const pipeline = await assemblePipeline(settings, signal)
    const [{ width, height, rgb } = { width: 1, height: 1, rgb: '' }] = golden.pictures
    const raw = { width, height, channels: 3 } as const
    const png = await sharp(Buffer.from(rgb, 'base64'), { raw }).png().toBuffer()
    const inputs: InputPart[][] = [
      [{ kind: 'text', text: texts[0]?.text ?? '', field: 'text' }],
      [{ kind: 'image', source: png, field: 'image' }],
    ]
    const fields = { inputs: '', dimension: '', isFused: '', fps: '', maxFrames: '', resolutionLevel: '' }
    const fetchMedia = () => Promise.reject(new TypeError('nothing is fetched'))
    const vectorsOf = async (id: string) => {
      const model = pipeline.catalog.getMultimodal(id)
      const request = checkMultimodal({ model: id, inputs, fields }, model)
      return (await pipeline.embedContents(request, { signal, fetchMedia })).embeddings.map(({ dense }) => dense)
    }
    try {
      const own = await vectorsOf(MODEL)
      const wide = await vectorsOf('multimodal-embedding-v1')
      for (const [i, dense] of [texts[0]?.dense, pictures[0]?.dense].entries()) {
        expect(cosine(own[i] ?? new Float32Array(0), Float32Array.from(dense ?? []))).toBeGreaterThan(0.99999)
        expect(wide[i]).toHaveLength(1024)
        expect(wide[i]?.slice(0, 32)).toEqual(own[i])
        expect(wide[i]?.slice(32).every((value) => value === 0)).toBe(true)
      }
      expect(pipeline.catalog.list().some(({ id }) => id === MODEL)).toBe(false)
    } finally {
      await pipeline.close()
      rmSync(home, { recursive: true })
    }
  },
  60_000,
)

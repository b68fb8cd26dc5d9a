import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { cosine, shorten } from '../../vector/vector.js'
import { startBuiltinEngine } from '../builtin/engine.js'
import type { Engine } from '../engine.js'
import type { MultimodalEngine } from '../multimodal-engine.js'
import { multimodalEngineSuite } from '../multimodal-engine.suite.js'
import { startBuiltinImageEngine } from './engine.js'
import { BUILTIN_IMAGE_WEIGHTS, type Canary } from './weights.js'

const { signal } = new AbortController()

let textEngine: Engine
let engine: MultimodalEngine
const start = (folder = BUILTIN_IMAGE_WEIGHTS) => startBuiltinImageEngine({ threads: 2, textEngine, signal, folder })

beforeAll(async () => {
  textEngine = await startBuiltinEngine({ threads: 2, signal })
  engine = await start()
})
afterAll(async () => {
  await engine.close()
  await textEngine.close()
})

multimodalEngineSuite('the built-in picture model', () => start())

/** Exported by training/image/goldens.py: what onnxruntime makes of the shipped files in Python, resized by Pillow. */
interface Golden {
  tolerance: { picture: number; text: number }
  pictures: { width: number; height: number; rgb: string; d1024: number[] }[]
  texts: { text: string; ids: number[]; d1024: number[] }[]
}
const golden: Golden = JSON.parse(readFileSync(new URL('./engine.golden.json', import.meta.url), 'utf8'))

test('vectors of pictures are those of the training side, smaller and larger than what the network sees', async () => {
  const pictures = golden.pictures.map(({ rgb, ...size }) => ({
    ...size,
    rgb: Uint8Array.from(Buffer.from(rgb, 'base64')),
  }))
  const vectors = await engine.embedPictures(pictures, { signal })
  for (const [i, { d1024 }] of golden.pictures.entries()) {
    const vector = shorten(vectors[i] ?? new Float32Array(1024), 1024)
    expect(cosine(vector, Float32Array.from(d1024)), `picture ${i}`).toBeGreaterThanOrEqual(golden.tolerance.picture)
  }
})

test('tokens and vectors of texts are those of the training side', async () => {
  const captions = await Promise.all(golden.texts.map(({ text }) => engine.tokenize(text, { maxTokens: 64, signal })))
  const vectors = await engine.embedTexts(captions, { signal })
  for (const [i, { text, ids, d1024 }] of golden.texts.entries()) {
    expect(Array.from(captions[i]?.ids ?? []), text).toEqual(ids)
    const vector = shorten(vectors[i] ?? new Float32Array(1024), 1024)
    expect(cosine(vector, Float32Array.from(d1024)), text).toBeGreaterThanOrEqual(golden.tolerance.text)
  }
})

test('a model whose vectors are not the expected ones does not start', async () => {
  const folder = copyOfWeights()
  await expect(start(withCanary(folder, ({ cases }) => cases[0]?.d64.reverse()))).rejects.toThrow(
    /fails its self-test: the least cosine of \d+ vectors is/,
  )
})

test('a model that ranks the canary wrongly does not start', async () => {
  const folder = copyOfWeights()
  const swapped = withCanary(folder, ({ cases }) => {
    const [first, second] = cases
    if (first === undefined || second === undefined) throw new TypeError('the canary has fewer than two pictures')
    ;[first.names, second.names] = [second.names, first.names]
  })
  await expect(start(swapped)).rejects.toThrow(/fails its self-test: \d+ of \d+ names are nearer to another picture/)
})

test('a model that was trained with another text model does not start', async () => {
  const folder = copyOfWeights()
  change(folder, 'manifest.json', (manifest) => manifest.replaceAll(textEngine.identity, 'f'.repeat(64)))
  await expect(start(folder)).rejects.toThrow(/was trained with the text model ffffffffffff, not with [0-9a-f]{12}/)
})

test('damaged weights are refused before anything runs', async () => {
  const folder = copyOfWeights()
  const model = join(folder, 'image.onnx')
  const bytes = readFileSync(model)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(model, bytes)
  await expect(start(folder)).rejects.toThrow(/image.onnx is damaged: its SHA-256/)
})

function copyOfWeights(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-weights-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(BUILTIN_IMAGE_WEIGHTS, folder, { recursive: true })
  return folder
}

/** A folder whose canary is changed and whose manifest knows of it. */
function withCanary(folder: string, edit: (canary: Canary) => void): string {
  const path = join(folder, 'canary.json')
  const canary: Canary = JSON.parse(readFileSync(path, 'utf8'))
  edit(canary)
  writeFileSync(path, JSON.stringify(canary))
  const bytes = readFileSync(path)
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  manifest.files['canary.json'] = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return folder
}

function change(folder: string, name: string, edit: (text: string) => string): void {
  const path = join(folder, name)
  writeFileSync(path, edit(readFileSync(path, 'utf8')))
}

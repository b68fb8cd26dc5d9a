import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cosine, shorten } from '../../vector/vector.js'
import type { Engine } from '../engine.js'
import { engineSuite } from '../engine.suite.js'
import { BUILTIN_LARGE_ID, startBuiltinEngine } from './engine.js'
import { BUILTIN_LARGE_WEIGHTS, BUILTIN_WEIGHTS, loadWeights } from './weights.js'

const { signal } = new AbortController()
const options = { threads: 2, signal }
const start = () => startBuiltinEngine(options)
const startLarge = () => startBuiltinEngine({ ...options, id: BUILTIN_LARGE_ID, folder: BUILTIN_LARGE_WEIGHTS })

engineSuite('the built-in model', start)
engineSuite('the larger built-in model', startLarge)

test('a vector is the same bits alone, among others, and in any order', async () => {
  const texts = ['风急天高猿啸哀', 'The quick brown fox.', 'def f(x): return x + 1', '🙂']
  const embed = async (text: string) => {
    const { passes } = await engine.prepare(text, { textType: 'document', maxTokens: 500, keep: 'start', signal })
    return engine.embed(passes, { signal })
  }
  const alone = []
  for (const text of texts) alone.push(await embed(text))
  const together = await Promise.all(texts.toReversed().map(embed))
  expect(together.toReversed()).toEqual(alone)
})

test('sparse vectors do not depend on the order of the tokens', async () => {
  const weigh = async (text: string, textType: 'query' | 'document') => {
    const prepared = await engine.prepare(text, { textType, maxTokens: 500, keep: 'start', signal })
    return engine.sparse?.weighTerms?.(prepared, textType)
  }
  for (const textType of ['query', 'document'] as const) {
    expect(await weigh('wind and sky wind', textType)).toEqual(await weigh('sky wind wind and', textType))
  }
})

/**
 * Exported by training/goldens.py: the shipped file's vectors in onnxruntime, each compared there with PyTorch.
 *
 * Rounding activations to int8 makes the network sensitive to the last bit of a float32, which differs between kinds of
 * processor; so the exact tolerance holds on the kind that the file names, the wider one on any.
 */
interface Golden {
  tolerance: { cosine: number; same_processor: number }
  processor: string
  cases: { text: string; type: 'query' | 'document'; ids: number[]; d64: number[]; d1024: number[] }[]
}
const readGolden = (name: string): Golden => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))

let engine: Engine
let large: Engine
beforeAll(async () => {
  ;[engine, large] = await Promise.all([start(), startLarge()])
})
afterAll(() => Promise.all([engine.close(), large.close()]))

test('vectors are those of the training side, at both dimensions and for both uses', { timeout: 120_000 }, async () => {
  await expectGolden(engine, readGolden('./engine.golden.json'), 100)
})

test('so are those of the larger model', { timeout: 120_000 }, async () => {
  await expectGolden(large, readGolden('./engine-large.golden.json'), 50)
})

test('the larger model cuts the same tokens and weighs the same terms, in a space of its own', async () => {
  const text = '渚清沙白鸟飞回 the quick brown fox'
  const prepare = (one: Engine) => one.prepare(text, { textType: 'document', maxTokens: 500, keep: 'start', signal })
  const [small, other] = [await prepare(engine), await prepare(large)]
  expect(other.tokens).toBe(small.tokens)
  expect(large.sparse?.weighTerms?.(other, 'document')).toEqual(engine.sparse?.weighTerms?.(small, 'document'))
  expect(large.sparse?.identity).toBe(engine.sparse?.identity)
  expect(large.identity).not.toBe(engine.identity)
})

/** @param fewest how many cases there are to be. */
async function expectGolden(one: Engine, golden: Golden, fewest: number) {
  const { cases } = golden
  expect(golden.processor).toBe('x86-64, AVX-512 VNNI')
  const least = hasVnni() ? golden.tolerance.same_processor : golden.tolerance.cosine
  expect(cases.length).toBeGreaterThanOrEqual(fewest)
  let compared = 0
  for (const { text, type, ids: sequence, d64, d1024 } of cases) {
    const ids = (await one.inspector?.tokenize(text, 8192))?.ids ?? []
    expect(sequence.slice(-1 - ids.length, -1), text.slice(0, 80)).toEqual(Array.from(ids))
    const { passes } = await one.prepare(text, { textType: type, maxTokens: 8192, keep: 'start', signal })
    if (passes.length !== 1) continue // the file has an empty text, and some a few tokens longer than the window
    const [raw] = await one.embed(passes, { signal })
    const dense = raw?.dense ?? new Float32Array(2048)
    expect(cosine(shorten(dense, 1024), Float32Array.from(d1024)), text.slice(0, 80)).toBeGreaterThanOrEqual(least)
    expect(cosine(shorten(dense, 64), Float32Array.from(d64)), text.slice(0, 80)).toBeGreaterThanOrEqual(least)
    compared++
  }
  expect(compared).toBeGreaterThanOrEqual(fewest)
}

/** Whether this is the kind of processor that the golden file names. */
function hasVnni(): boolean {
  return existsSync('/proc/cpuinfo') && /\bavx512_vnni\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
}

test('damaged weights are refused before anything runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-weights-'))
  cpSync(BUILTIN_WEIGHTS, folder, { recursive: true })
  const model = join(folder, 'model.onnx')
  const bytes = readFileSync(model)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(model, bytes)
  await expect(loadWeights(folder)).rejects.toThrow(/model.onnx is damaged: its SHA-256/)
  truncateSync(model, 1000)
  await expect(loadWeights(folder)).rejects.toThrow(/model.onnx has 1000 bytes instead of/)
  rmSync(model)
  await expect(loadWeights(folder)).rejects.toThrow(/model.onnx cannot be read \(ENOENT\)/)
})

test('a model whose vectors are not the expected ones does not start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-weights-'))
  cpSync(BUILTIN_WEIGHTS, folder, { recursive: true })
  const path = join(folder, 'canary.json')
  const canary = JSON.parse(readFileSync(path, 'utf8'))
  canary.cases[0].d64.reverse()
  writeFileSync(path, JSON.stringify(canary))
  await expect(startBuiltinEngine({ ...options, threads: 1, folder })).rejects.toThrow(
    /fails its self-test: the least cosine of \d+ cases is/,
  )
})

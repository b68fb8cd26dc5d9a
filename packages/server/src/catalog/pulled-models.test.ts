import { expect, test } from 'vitest'
import type { PulledModel } from '../pull/pulled-model.js'
import { BUILTIN_MODELS } from './builtin-models.js'
import { Catalog, OWN_MODELS, OWN_MULTIMODAL_MODELS } from './catalog.js'
import { check } from './check.js'
import { nameFor } from './multimodal-names.js'
import { PULLABLE } from './pullable/all.js'
import { toMultimodalModel, toTextModel } from './pulled-models.js'
import { applyServing } from './serving.js'
import { TextModel } from './text-model.js'

const pulled = (name: string, more: Partial<PulledModel> = {}): PulledModel => ({
  name,
  source: 'hf:org/model@c0ffee',
  engine: 'onnx',
  variant: 'fp32',
  files: { 'onnx/model.onnx': { bytes: 1, sha256: 'a'.repeat(64) } },
  weights: 'onnx/model.onnx',
  dimension: 384,
  maxTokens: 256,
  pulledAt: '2026-11-22T00:00:00.000Z',
  ...more,
})
const QWEN = pulled('qwen3-embedding-0.6b', {
  curated: 'qwen3-embedding-0.6b',
  dimension: 1024,
  maxTokens: 32_768,
  prompts: { query: 'q', document: '', instruct: 'Instruct: {task}\nQuery:' },
})

test('a model that nobody curated has its own dimension only, and costs nothing', () => {
  const model = toTextModel(pulled('mine'))
  expect(TextModel.parse(model)).toEqual(model)
  expect(model).toMatchObject({
    id: 'mine',
    engine: 'mine',
    dimensions: [384],
    dimensionChoice: 'listed',
    maxInputTokens: 256,
    priceMicrosPer1kTokens: 0,
    hasInstruct: false,
    languages: [],
  })
  expect(model.freeQuota).toBeUndefined()
})

test('a curated model has the dimensions that it was trained for, up to those of its files', () => {
  expect(toTextModel(QWEN)).toMatchObject({
    dimensions: [32, 64, 128, 256, 512, 768, 1024],
    dimensionChoice: 'any',
    hasInstruct: true,
  })
  expect(toTextModel({ ...QWEN, dimension: 500 }).dimensions).toEqual([32, 64, 128, 256, 500])
})

test('every curated model makes a sound entry', () => {
  for (const { name, dimensions, maxTokens } of PULLABLE) {
    const model = toTextModel(pulled(name, { curated: name, dimension: dimensions.at(-1) ?? 1, maxTokens }))
    expect(TextModel.parse(model)).toEqual(model)
    expect(model.dimensions).toEqual(dimensions)
  }
})

test('a model of texts and pictures has its own width, and others where it was trained for them', () => {
  const towers = { text: 't.onnx', picture: 'p.onnx', preprocessor: 'preprocessor_config.json' }
  const v1 = OWN_MULTIMODAL_MODELS.find(({ id }) => id === 'multimodal-embedding-v1')
  if (v1 === undefined) throw new TypeError('there is no multimodal-embedding-v1')
  const seen = PULLABLE.flatMap(({ name, dimensions, maxTokens, towers: facts }) => {
    if (facts === undefined) return []
    const dimension = dimensions.at(-1) ?? 1
    const model = pulled(name, { curated: name, dimension, maxTokens, towers: { ...towers, facts } })
    expect(toMultimodalModel(model)).toMatchObject({ dimensions, defaultDimension: dimension, isPadded: false })
    const behind = nameFor(v1, model)
    return [[name, behind?.model.dimensions, behind?.zeros, behind?.model.maxTextTokens]]
  })
  expect(seen).toEqual([
    ['siglip2-base-patch16-256', [1024], 256, 64],
    ['siglip2-so400m-patch16-384', undefined, undefined, undefined],
    ['chinese-clip-vit-base-patch16', [1024], 512, 52],
    ['jina-clip-v2', [1024], 0, 512],
    ['mobileclip2-s0', [1024], 512, 77],
    ['mobileclip2-s2', [1024], 512, 77],
    ['clip-vit-base-patch32', [1024], 512, 77],
  ])
})

test('behind a public name is offered what both have; its other names go along', () => {
  const { models, mistakes } = applyServing(OWN_MODELS, [toTextModel(QWEN)], { 'text-embedding-v4': QWEN.name })
  const find = (id: string) => models.find((model) => model.id === id)
  expect(mistakes).toEqual([])
  expect(find('text-embedding-v4')).toMatchObject({
    engine: QWEN.name,
    dimensions: [64, 128, 256, 512, 768, 1024],
    defaultDimension: 1024,
    maxInputs: 10,
    maxInputTokens: 8192,
    hasInstruct: true,
  })
  expect(find('text-embedding-3-small')).toMatchObject({
    engine: QWEN.name,
    dimensions: [256, 512, 1024],
    defaultDimension: 1024,
    dimensionChoice: 'any',
  })
  expect(find('text-embedding-ada-002')).toMatchObject({ dimensions: [1024], dimensionChoice: 'refused' })
  expect(find('text-embedding-v3')?.engine).toBe('builtin-text')
  expect(find(QWEN.name)?.engine).toBe(QWEN.name)
  for (const model of models) expect(model.dimensions).toContain(model.defaultDimension)
})

test('the larger built-in model takes the place of the usual one with all that the name offers', () => {
  const { models, mistakes } = applyServing(OWN_MODELS, BUILTIN_MODELS, { 'text-embedding-v4': 'builtin-text-large' })
  const [before] = OWN_MODELS
  expect(mistakes).toEqual([])
  expect(models.find(({ id }) => id === 'text-embedding-v4')).toEqual({
    ...before,
    engine: 'builtin-text-large',
    hasInstruct: false,
    languages: 72,
  })
  expect(models.find(({ id }) => id === 'text-embedding-v3')?.engine).toBe('builtin-text')
  expect(models.at(-1)?.id).toBe('builtin-text-large')
})

test('an alias that was given a model of its own keeps it', () => {
  const mine = toTextModel(pulled('mine'))
  const serving = { 'text-embedding-v4': QWEN.name, 'text-embedding-3-small': 'mine' }
  const { models } = applyServing(OWN_MODELS, [toTextModel(QWEN), mine], serving)
  expect(models.find(({ id }) => id === 'text-embedding-3-small')).toMatchObject({
    engine: 'mine',
    dimensions: [384],
    dimensionChoice: 'listed',
  })
})

test('a dimension that the model has not is refused with those that it has', () => {
  const { models } = applyServing(OWN_MODELS, [toTextModel(pulled('mine'))], { 'text-embedding-v4': 'mine' })
  const request = {
    model: 'text-embedding-v4',
    inputs: ['a'],
    textType: 'document' as const,
    outputType: 'dense' as const,
    fields: { inputs: 'input', dimension: 'dimensions' },
  }
  expect(check(request, new Catalog(models)).dimension).toBe(384)
  expect(() => check({ ...request, dimension: 1024 }, new Catalog(models))).toThrow(
    /dimension for text-embedding-v4 is invalid, its value should be in \[384\], got 1024/,
  )
})

test('what cannot be served is a mistake, not a silent return to another model', () => {
  const { mistakes } = applyServing(OWN_MODELS, [toTextModel(pulled('text-embedding-v1'))], {
    'text-embedding-v4': 'gone',
    nobody: 'text-embedding-v1',
  })
  expect(mistakes).toEqual([
    'text-embedding-v1: a pulled model has the name of a public one; pull it again with --as.',
    'text-embedding-v4: the model gone was not pulled, or is damaged; `quiver use text-embedding-v4 builtin` goes back.',
    'nobody: there is no such public model.',
  ])
})

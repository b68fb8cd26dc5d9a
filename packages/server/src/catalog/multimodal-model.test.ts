import { expect, test } from 'vitest'
import { Catalog } from './catalog.js'
import { MULTIMODAL_EMBEDDING } from './multimodal-embedding.js'
import { type MultimodalModel, servedBy } from './multimodal-model.js'
import { applyMultimodalServing, splitServing } from './multimodal-serving.js'

const [V1, PLUS] = MULTIMODAL_EMBEDDING as readonly [MultimodalModel, MultimodalModel]
const PULLED: MultimodalModel = { ...PLUS, id: 'siglip', engine: 'siglip', maxTextTokens: 64, languages: ['en'] }

test('every entry is consistent in itself', () => {
  for (const model of MULTIMODAL_EMBEDDING) {
    expect(model.dimensions).toEqual(model.dimensions.toSorted((a, b) => a - b))
    expect(model.dimensions).toContain(model.defaultDimension)
    for (const [kind, most] of Object.entries(model.maxOfKind)) {
      expect(model.kinds).toContain(kind)
      expect(most).toBeLessThanOrEqual(model.maxInputs)
    }
  }
})

test.each([
  ['can be shortened', { dimension: 768, isMatryoshka: true }, [64, 128, 256, 512]],
  ['cannot be shortened and has one of them', { dimension: 512, isMatryoshka: false }, [512]],
  ['cannot be shortened and has none of them', { dimension: 500, isMatryoshka: false }, []],
])('an engine that %s', (_what, vectors, dimensions) => {
  expect(servedBy(PLUS, vectors).dimensions).toEqual(dimensions)
})

test('only the padded model is filled up, and never by an engine that would have to be cut', () => {
  expect(servedBy(V1, { dimension: 512, isMatryoshka: false })).toMatchObject({ dimensions: [1024], paddedFrom: 512 })
  expect(servedBy(V1, { dimension: 1024, isMatryoshka: false })).not.toHaveProperty('paddedFrom')
  expect(servedBy(V1, { dimension: 1152, isMatryoshka: true }).dimensions).toEqual([1024])
  expect(servedBy(V1, { dimension: 1152, isMatryoshka: false }).dimensions).toEqual([])
})

test('a pulled model answers under a public name with what both take, and under its own', () => {
  const { multimodal, text } = splitServing({ [V1.id]: 'siglip', 'text-embedding-v4': 'bge' }, MULTIMODAL_EMBEDDING)
  expect(text).toEqual({ 'text-embedding-v4': 'bge' })
  const { models, mistakes } = applyMultimodalServing(MULTIMODAL_EMBEDDING, [PULLED], multimodal)
  expect(mistakes).toEqual([])
  const find = (id: string) => models.find((model) => model.id === id)
  expect(find(V1.id)).toMatchObject({ engine: 'siglip', maxTextTokens: 64, languages: ['en'], maxInputs: 3 })
  expect(find('siglip')).toEqual(PULLED)
  expect(find(PLUS.id)).toEqual(PLUS)
})

test('what cannot be served is a mistake, not a silent return to another model', () => {
  const named = { ...PULLED, id: PLUS.id }
  const { mistakes } = applyMultimodalServing(MULTIMODAL_EMBEDDING, [named], { [V1.id]: 'gone' })
  expect(mistakes).toEqual([expect.stringContaining('has the name of a public one'), expect.stringContaining('gone')])
})

test('an id is of one kind, and the other kind of endpoint says so', () => {
  const catalog = new Catalog()
  expect(catalog.getMultimodal(V1.id)).toBe(V1)
  expect(catalog.findMultimodal('text-embedding-v4')).toBeUndefined()
  for (const ask of [() => catalog.get(V1.id), () => catalog.getMultimodal('text-embedding-v4')]) {
    expect(ask).toThrow(expect.objectContaining({ row: 'invalid_parameter', param: 'model' }))
  }
  expect(() => catalog.getMultimodal('none')).toThrow(expect.objectContaining({ row: 'model_not_found' }))
})

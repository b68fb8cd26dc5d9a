import { expect, test } from 'vitest'
import { Catalog } from './catalog.js'
import { TextModel } from './text-model.js'

test('every entry is consistent in itself', () => {
  for (const model of new Catalog().list()) {
    expect(model.dimensions).toEqual(model.dimensions.toSorted((a, b) => a - b))
    expect(model.dimensions).toContain(model.defaultDimension)
    expect(TextModel.parse(model)).toEqual(model)
    if (model.dimensions.length === 1) expect(model.dimensionChoice).toMatch(/^(ignored|refused)$/)
    expect(model.outputs).toContain('dense')
  }
})

test('another name answers as the model behind it, and ids are unique', () => {
  const models = new Catalog().list()
  const ids = models.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { aliasOf, engine } of models) {
    if (aliasOf !== undefined) expect(new Catalog().get(aliasOf).engine).toBe(engine)
  }
})

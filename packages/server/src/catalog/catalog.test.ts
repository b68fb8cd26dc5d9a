import { expect, test } from 'vitest'
import { Catalog } from './catalog.js'

test('every entry is consistent in itself', () => {
  for (const model of new Catalog().list()) {
    expect(model.dimensions).toEqual(model.dimensions.toSorted((a, b) => a - b))
    expect(model.dimensions).toContain(model.defaultDimension)
    expect(model.ignoresDimension).toBe(model.dimensions.length === 1)
    expect(model.outputs).toContain('dense')
  }
})

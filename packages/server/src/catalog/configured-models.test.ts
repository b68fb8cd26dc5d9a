import { expect, test } from 'vitest'
import { OWN_MODELS } from './catalog.js'
import { configuredModels, ModelEntry } from './configured-models.js'

const ENGINES = new Map([['builtin-text', 2048]])
const configure = (entries: Record<string, ModelEntry>) => {
  const { models, mistakes } = configuredModels(entries, ENGINES, OWN_MODELS)
  return { find: (id: string) => models.find((model) => model.id === id), mistakes }
}

test('an entry of a known id changes what it names and nothing else', () => {
  const { find, mistakes } = configure({ 'text-embedding-v4': { maxInputs: 100, overlong: 'truncate' } })
  expect(mistakes).toEqual([])
  expect(find('text-embedding-v4')).toMatchObject({ maxInputs: 100, overlong: 'truncate', maxInputTokens: 8192 })
})

test('a new id is like the one it extends', () => {
  const { find, mistakes } = configure({
    news: { extends: 'text-embedding-v4', dimensions: [256], defaultDimension: 256, dimensionChoice: 'refused' },
    'news-long': { extends: 'news', overlong: 'chunk-mean' },
  })
  expect(mistakes).toEqual([])
  expect(find('news')).toMatchObject({ id: 'news', defaultDimension: 256, maxInputs: 10 })
  expect(find('news-long')).toMatchObject({ dimensions: [256], overlong: 'chunk-mean' })
})

test('every mistake is told at once, by its path', () => {
  const { mistakes } = configure({
    nobody: { maxInputs: 5 },
    other: { extends: 'nothing' },
    'text-embedding-v4': { dimensions: [64, 4096], defaultDimension: 100 },
    'text-embedding-v3': { engine: 'gpu' },
    'bad id!': { extends: 'text-embedding-v4' },
    'text-embedding-v2': { dimensions: [2, 1], defaultDimension: 1 },
  })
  expect(mistakes).toEqual([
    expect.stringMatching(/^models\.nobody: is a new model, so `extends`/),
    expect.stringMatching(/^models\.other\.extends: there is no model nothing; there are text-embedding-v4/),
    'models.text-embedding-v4.dimensions: builtin-text computes 2048 components, got 4096.',
    'models.text-embedding-v4.defaultDimension: must be one of dimensions (64, 4096), got 100.',
    'models.text-embedding-v3.engine: there is no gpu; there are builtin-text.',
    expect.stringMatching(/^models\.bad id!\.id: must be 1 to 128/),
    'models.text-embedding-v2.dimensions: must ascend.',
  ])
})

test('a misspelt key or a value of the wrong type is no entry', () => {
  expect(ModelEntry.safeParse({ maxInput: 5 }).success).toBe(false)
  expect(ModelEntry.safeParse({ overlong: 'cut' }).success).toBe(false)
  expect(ModelEntry.safeParse({ priceMicrosPer1kTokens: 0.5 }).success).toBe(false)
})

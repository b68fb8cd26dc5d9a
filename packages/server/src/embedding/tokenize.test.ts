import { expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import type { Engine, TokenInspector } from '../engines/engine.js'
import { fakeEngine } from '../engines/fake-engine.test.support.js'
import { Batcher } from './batcher.js'
import type { FindEngine } from './running-engines.js'
import { createTokenize } from './tokenize.js'

const inspector = {
  tokenize: async (text: string, maxTokens: number) => {
    const ids = Int32Array.from(text, (character) => character.charCodeAt(0))
    return { ids: ids.slice(0, maxTokens), isOverLimit: ids.length > maxTokens }
  },
  tokenText: (id: number) => String.fromCharCode(id),
} as Partial<TokenInspector> as TokenInspector // the only two methods that this function may call
const { signal } = new AbortController()
const finds =
  (engine: Engine): FindEngine =>
  async () => ({ engine, batcher: new Batcher(engine, { maxQueued: 1 }) })
const tokenize = createTokenize(finds(fakeEngine({ inspector })))
const model = new Catalog().get('text-embedding-v4')

test('each text has its own tokens, in order', async () => {
  expect(await tokenize(model, ['ab', '', 'c'], signal)).toEqual([
    [
      { id: 97, text: 'a' },
      { id: 98, text: 'b' },
    ],
    [],
    [{ id: 99, text: 'c' }],
  ])
})

test('the bound counts all texts together', async () => {
  const half = 'x'.repeat(65_536)
  expect(await tokenize(model, [half, half], signal)).toHaveLength(2)
  await expect(tokenize(model, [half, half, 'y'], signal)).rejects.toThrow(/more than 131072 tokens together/)
})

test('an engine whose tokenizer is somebody else’s says so', async () => {
  await expect(createTokenize(finds(fakeEngine()))(model, ['a'], signal)).rejects.toMatchObject({
    row: 'not_supported',
  })
})

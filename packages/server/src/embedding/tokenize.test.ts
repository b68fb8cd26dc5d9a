import { expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import type { TokenInspector } from '../engines/engine.js'
import { fakeEngine } from '../engines/fake-engine.test.support.js'
import { createTokenize } from './tokenize.js'

const inspector = {
  tokenize: async (text: string, maxTokens: number) => {
    const ids = Int32Array.from(text, (character) => character.charCodeAt(0))
    return { ids: ids.slice(0, maxTokens), isOverLimit: ids.length > maxTokens }
  },
  tokenText: (id: number) => String.fromCharCode(id),
} as Partial<TokenInspector> as TokenInspector // the only two methods that this function may call
const tokenize = createTokenize(() => fakeEngine({ inspector }))
const model = new Catalog().get('text-embedding-v4')

test('each text has its own tokens, in order', async () => {
  expect(await tokenize(model, ['ab', '', 'c'])).toEqual([
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
  expect(await tokenize(model, [half, half])).toHaveLength(2)
  await expect(tokenize(model, [half, half, 'y'])).rejects.toThrow(/more than 131072 tokens together/)
})

test('an engine whose tokenizer is somebody else’s says so', async () => {
  await expect(createTokenize(() => fakeEngine())(model, ['a'])).rejects.toMatchObject({ row: 'not_supported' })
})

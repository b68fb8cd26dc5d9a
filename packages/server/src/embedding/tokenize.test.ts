import { expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import type { Engine } from '../engines/engine.js'
import { createTokenize } from './tokenize.js'

const engine = {
  tokenize: (text: string, maxTokens: number) => {
    const ids = Int32Array.from(text, (character) => character.charCodeAt(0))
    return { ids: ids.slice(0, maxTokens), isOverLimit: ids.length > maxTokens }
  },
  tokenText: (id: number) => String.fromCharCode(id),
} as Partial<Engine> as Engine // the only two methods that this function may call
const tokenize = createTokenize(() => engine)
const model = new Catalog().get('text-embedding-v4')

test('each text has its own tokens, in order', () => {
  expect(tokenize(model, ['ab', '', 'c'])).toEqual([
    [
      { id: 97, text: 'a' },
      { id: 98, text: 'b' },
    ],
    [],
    [{ id: 99, text: 'c' }],
  ])
})

test('the bound counts all texts together', () => {
  const half = 'x'.repeat(65_536)
  expect(tokenize(model, [half, half])).toHaveLength(2)
  expect(() => tokenize(model, [half, half, 'y'])).toThrow(/more than 131072 tokens together/)
})

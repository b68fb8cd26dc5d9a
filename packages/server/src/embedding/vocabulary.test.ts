import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { loadVocabulary } from './vocabulary.js'

/** What OpenAI's tiktoken demands of the file that it downloads. */
const TIKTOKEN_SHA256 = '223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7'

const cl100k = await loadVocabulary('cl100k_base')
const textOf = (ids: number[]) => Buffer.concat(ids.map((id) => cl100k.findToken(id) ?? Buffer.alloc(0))).toString()

test('every byte is the one of the original file', () => {
  const lines = Array.from({ length: 100_256 }, (_, id) => `${cl100k.findToken(id)?.toString('base64')} ${id}\n`)
  expect(createHash('sha256').update(lines.join('')).digest('hex')).toBe(TIKTOKEN_SHA256)
})

test.each([
  ['hello world', [15339, 1917]],
  ['风急天高', [72406, 236, 17486, 98, 36827, 45736]],
  ['<|endoftext|>', [100257]],
])('ids of «%s» become it again', (text, ids) => {
  expect(textOf(ids)).toBe(text)
})

test('a number between the ids, beyond them, or of another kind has no token', () => {
  expect(cl100k.lastId).toBe(100_276)
  expect([100_256, 100_261, 100_277, -1, 0.5, Number.NaN].map((id) => cl100k.findToken(id))).toEqual(
    Array(6).fill(undefined),
  )
})

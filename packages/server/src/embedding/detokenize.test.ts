import type { EmbedRequest } from '@quiver/protocol'
import { expect, test, vi } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import { createDetokenize } from './detokenize.js'
import { loadVocabulary } from './vocabulary.js'

const load = vi.fn(loadVocabulary)
const detokenize = createDetokenize(new Catalog(), { loadVocabulary: load, maxTextBytes: 1_000 })
const request = (changes: Partial<EmbedRequest>): EmbedRequest => ({
  model: 'text-embedding-3-small',
  inputs: [],
  textType: 'document',
  outputType: 'dense',
  fields: { inputs: 'input', dimension: 'dimensions' },
  ...changes,
})

test('texts come back as they are, and load nothing', async () => {
  expect(await detokenize(request({ inputs: ['a'] }))).toEqual(request({ inputs: ['a'] }))
  expect(load).not.toHaveBeenCalled()
})

test('each array of ids becomes a text, and the vocabulary is loaded once', async () => {
  const tokenArrays = [[15339, 1917], [], [72406, 236, 17486, 98, 36827, 45736]]
  const both = await Promise.all([detokenize(request({ tokenArrays })), detokenize(request({ tokenArrays }))])
  for (const decoded of both) expect(decoded).toEqual(request({ inputs: ['hello world', '', '风急天高'] }))
  expect(load).toHaveBeenCalledTimes(1)
})

test('half a character, as chunks of long texts end with, does not break the rest', async () => {
  const { inputs } = await detokenize(request({ tokenArrays: [[36827, 45736, 72406]] }))
  expect(inputs).toEqual(['天高\ufffd'])
})

test('a byte order mark is a character like any other', async () => {
  expect((await detokenize(request({ tokenArrays: [[3305, 64]] }))).inputs).toEqual(['\ufeffa'])
})

test.each([100_256, 100_277, -1, 1.5])('%s is no id, and the message says where it is', async (id) => {
  await expect(detokenize(request({ tokenArrays: [[64], [64, id]] }))).rejects.toMatchObject({
    row: 'invalid_parameter',
    param: 'input[1]',
    message: expect.stringContaining(`token 1 of input[1] is ${id}, which is no id of cl100k_base`),
  })
})

test('a model of DashScope takes texts only, in the words of the live service', async () => {
  await expect(detokenize(request({ model: 'text-embedding-v4', tokenArrays: [[1]] }))).rejects.toMatchObject({
    row: 'invalid_parameter',
    message: expect.stringMatching(
      /Value error, contents is neither str nor list of str\.: input\.contents .*check_embedding_ctx_length=False/,
    ),
  })
})

test('an unknown model is said to be unknown', async () => {
  await expect(detokenize(request({ model: 'nothing', tokenArrays: [[1]] }))).rejects.toMatchObject({
    row: 'model_not_found',
  })
})

test('short ids cannot stand for a text above the limit', async () => {
  const ids = (count: number): number[] => Array(count).fill(15339) // «hello»
  expect((await detokenize(request({ tokenArrays: [ids(100), ids(100)] }))).inputs).toHaveLength(2)
  await expect(detokenize(request({ tokenArrays: [ids(100), ids(101)] }))).rejects.toMatchObject({
    row: 'body_too_large',
    message: expect.stringContaining('1000 bytes'),
  })
})

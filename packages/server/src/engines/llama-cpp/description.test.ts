import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, describe as group, test } from 'vitest'
import { array, bool, ggufBytes, int32, type RawValue, string, uint32 } from '../../pull/gguf.test.support.js'
import { describe, dimensionOf, type Pooling } from './description.js'

const folder = mkdtempSync(join(tmpdir(), 'quiver-gguf-'))
const path = join(folder, 'model.gguf')
afterAll(() => rmSync(folder, { recursive: true }))

const TOKENS = ['a', '<|endoftext|>', '<|im_end|>', '<s>', '</s>']
const vocabulary = (tokens: readonly string[]) => ({
  'tokenizer.ggml.tokens': array(8, tokens.map(string)),
  'tokenizer.ggml.token_type': array(
    5,
    tokens.map((token) => int32(token.startsWith('<') || token.startsWith('[') ? 3 : 1)),
  ),
})
const model = (architecture: string, tokenizer: string, poolingType: number) => ({
  'general.architecture': string(architecture),
  [`${architecture}.embedding_length`]: uint32(1024),
  [`${architecture}.context_length`]: uint32(32_768),
  [`${architecture}.pooling_type`]: uint32(poolingType),
  'tokenizer.ggml.model': string(tokenizer),
})
const QWEN = { ...model('qwen3', 'gpt2', 3), 'tokenizer.ggml.pre': string('qwen2'), ...vocabulary(TOKENS) }

function read(metadata: Readonly<Record<string, RawValue | undefined>>, stated?: Pooling) {
  const given = Object.entries(metadata).filter((entry): entry is [string, RawValue] => entry[1] !== undefined)
  writeFileSync(path, ggufBytes(Object.fromEntries(given)))
  return describe(path, stated)
}

test('what a Qwen3-Embedding file says', async () => {
  const described = await read({ ...QWEN, 'general.file_type': uint32(7) })
  expect(described).toMatchObject({
    dimension: 1024,
    contextTokens: 32_768,
    pooling: 'last',
    poolingType: 3,
    arithmetic: 'Q8_0',
  })
  expect(described).toMatchObject({ isDivisible: true, isNfc: true, frame: { before: [], after: [1] } })
  expect([...described.special.keys()]).toEqual([1, 2, 3, 4])
  expect(await dimensionOf(path)).toBe(1024)
})

test.each<[string, Record<string, RawValue>]>([
  ['no word', {}],
  ['that none is added', { 'tokenizer.ggml.add_eos_token': bool(false) }],
  [
    'the chat models’ end token',
    { 'tokenizer.ggml.add_eos_token': bool(true), 'tokenizer.ggml.eos_token_id': uint32(2) },
  ],
])('Qwen’s end token is <|endoftext|>, though the file says %s', async (_, changes) => {
  expect((await read({ ...QWEN, ...changes })).frame).toEqual({ before: [], after: [1] })
})

group('pooling', () => {
  test.each<[string, RawValue | undefined, RegExp]>([
    ['missing', undefined, /qwen3\.pooling_type must be 1 \(mean\), 2 \(cls\) or 3 \(last\): the file has no such key/],
    ['none', uint32(0), /the file says 0/],
    ['a reranker’s', uint32(4), /the file says 4/],
  ])('%s is an error that names the key', async (_, value, message) => {
    await expect(read({ ...QWEN, 'qwen3.pooling_type': value })).rejects.toThrow(message)
  })

  test('what the publisher states goes before the file', async () => {
    expect(await read({ ...QWEN, 'qwen3.pooling_type': undefined }, 'last')).toMatchObject({ poolingType: 3 })
    expect(await read(QWEN, 'mean')).toMatchObject({ poolingType: 1, isDivisible: false })
  })
})

test('a BERT is framed by its own two tokens, whichever key names the first', async () => {
  const bert = {
    ...model('bert', 'bert', 1),
    ...vocabulary(['a', '[CLS]', '[SEP]']),
    'tokenizer.ggml.seperator_token_id': uint32(2),
  }
  const frame = { before: [1], after: [2] }
  expect(await read({ ...bert, 'tokenizer.ggml.cls_token_id': uint32(1) })).toMatchObject({ frame, isDivisible: false })
  expect(await read({ ...bert, 'tokenizer.ggml.bos_token_id': uint32(1) })).toMatchObject({ frame, isNfc: false })
})

test('other models are framed as the file says, and must say it', async () => {
  const xlm = {
    ...model('bert', 't5', 2),
    ...vocabulary(TOKENS),
    'tokenizer.ggml.add_bos_token': bool(true),
    'tokenizer.ggml.add_eos_token': bool(true),
    'tokenizer.ggml.bos_token_id': uint32(3),
    'tokenizer.ggml.eos_token_id': uint32(4),
  }
  expect((await read(xlm)).frame).toEqual({ before: [3], after: [4] })
  expect((await read({ ...xlm, 'tokenizer.ggml.add_bos_token': bool(false) })).frame.before).toEqual([])
  await expect(read({ ...xlm, 'tokenizer.ggml.add_eos_token': undefined })).rejects.toThrow(
    /tokenizer\.ggml\.add_eos_token must be true or false: the file has no such key/,
  )
})

test.each<[string, Record<string, RawValue | undefined>, RegExp]>([
  ['architecture', { 'general.architecture': undefined }, /general\.architecture must be a text/],
  [
    'dimension',
    { 'qwen3.embedding_length': uint32(0) },
    /qwen3\.embedding_length must be a whole number above 0: the file says 0/,
  ],
  ['context', { 'qwen3.context_length': undefined }, /qwen3\.context_length must be a whole number above 0/],
  ['vocabulary', { 'tokenizer.ggml.tokens': array(8, []) }, /tokenizer\.ggml\.tokens must be a list of texts/],
  ['token types', { 'tokenizer.ggml.token_type': array(5, [int32(1)]) }, /must have a type for each/],
  [
    'unknown token types',
    { 'tokenizer.ggml.token_type': array(5, [1, 3, 3, 3, 9].map(int32)) },
    /token_type\[4\] is 9/,
  ],
  ['Qwen’s end token', vocabulary(['a', 'b']), /has no <\|endoftext\|>/],
])('a header with a wrong or missing %s is refused, naming the key', async (_, changes, message) => {
  await expect(read({ ...QWEN, ...changes })).rejects.toThrow(message)
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { ggufBytes, string, uint32 } from './gguf.test.support.js'
import { readShape, type ShapeOptions } from './model-shape.js'

async function shapeOf(files: Record<string, unknown>, more: Pick<ShapeOptions, 'towers' | 'curated'> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-shape-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
    }
    return await readShape(folder, { engine: 'onnx', weights: 'onnx/model.onnx', paths: Object.keys(files), ...more })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const config = { model_type: 'bert', hidden_size: 768, max_position_embeddings: 512 }

test('the last dense layer decides the dimension, then the pooling, then the network', async () => {
  expect(await shapeOf({ 'config.json': config })).toEqual({ dimension: 768, maxTokens: 512 })
  const pooling = { '1_Pooling/config.json': { word_embedding_dimension: 640 } }
  expect(await shapeOf({ 'config.json': config, ...pooling })).toMatchObject({ dimension: 640 })
  const dense = { '2_Dense/config.json': { out_features: 3072 }, '3_Dense/config.json': { out_features: 512 } }
  expect(await shapeOf({ 'config.json': config, ...pooling, ...dense })).toMatchObject({ dimension: 512 })
})

test('of several limits of length the shortest holds', async () => {
  const files = { 'config.json': config, 'sentence_bert_config.json': { max_seq_length: 256 } }
  expect(await shapeOf(files)).toMatchObject({ maxTokens: 256 })
  expect(await shapeOf({ ...files, 'tokenizer_config.json': { model_max_length: 128 } })).toMatchObject({
    maxTokens: 128,
  })
  expect(await shapeOf({ ...files, 'tokenizer_config.json': { model_max_length: 1e30 } })).toMatchObject({
    maxTokens: 256,
  })
})

test('positions of RoBERTa and its like begin behind the padding', async () => {
  const roberta = { model_type: 'xlm-roberta', hidden_size: 384, max_position_embeddings: 514 }
  expect(await shapeOf({ 'config.json': roberta })).toEqual({ dimension: 384, maxTokens: 512 })
})

test('a model that does not say its shape is refused with the way out', async () => {
  await expect(shapeOf({ 'config.json': {} })).rejects.toThrow(/how many components .*--settings-from org\/repo/)
  await expect(shapeOf({ 'config.json': { hidden_size: 8 } })).rejects.toThrow(/how long its sequences may be/)
  await expect(shapeOf({ 'config.json': '{' })).rejects.toThrow('config.json cannot be understood.')
})

test('a GGUF file says its shape under the name of its architecture, and one that is none is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-shape-'))
  const shapeOfGguf = (bytes: Buffer) => {
    writeFileSync(join(folder, 'model.gguf'), bytes)
    return readShape(folder, { engine: 'llama-cpp', weights: 'model.gguf', paths: ['model.gguf'] })
  }
  const numbers = { 'clip.embedding_length': uint32(8), 'qwen3.embedding_length': uint32(1024) }
  const sound = { 'general.architecture': string('qwen3'), ...numbers, 'qwen3.context_length': uint32(32_768) }
  try {
    expect(await shapeOfGguf(ggufBytes(sound))).toEqual({ dimension: 1024, maxTokens: 32_768 })
    await expect(shapeOfGguf(ggufBytes(numbers))).rejects.toThrow(/how many components/)
    await expect(shapeOfGguf(Buffer.from('a page of HTML'))).rejects.toThrow(
      /the weights cannot be used: it is no GGUF/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a model of texts and pictures says how wide their common space is, and how long its texts', async () => {
  const towers = { text: 't.onnx', picture: 'p.onnx', preprocessor: 'preprocessor_config.json' }
  const clip = { model_type: 'clip', projection_dim: 512, text_config: { max_position_embeddings: 77 }, hidden_size: 9 }
  expect(await shapeOf({ 'config.json': clip }, { towers })).toEqual({ dimension: 512, maxTokens: 77 })
  const siglip = { model_type: 'siglip', vision_config: { hidden_size: 1152 } }
  expect(await shapeOf({ 'config.json': siglip }, { towers })).toEqual({ dimension: 1152, maxTokens: 64 })
  const chinese = { ...towers, facts: { captionTokens: 52 } }
  const config = { model_type: 'chinese_clip', projection_dim: 512 }
  expect(await shapeOf({ 'config.json': config }, { towers: chinese })).toEqual({ dimension: 512, maxTokens: 52 })
  const curated = { dimension: 768, maxTokens: 77 }
  const one = { ...towers, facts: { family: 'clip' as const } }
  expect(await shapeOf({ 'config.json': { projection_dim: 512 } }, { towers: one, curated })).toEqual(curated)
  await expect(shapeOf({ 'config.json': { model_type: 'blip' } }, { towers })).rejects.toThrow(
    'config.json: model_type: blip is not implemented for texts and pictures; clip, chinese_clip, siglip, jina_clip are.',
  )
  await expect(shapeOf({ 'config.json': { model_type: 'jina_clip' } }, { towers })).rejects.toThrow(
    /how many components/,
  )
})

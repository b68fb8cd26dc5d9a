import { expect, test } from 'vitest'
import type { PulledModel } from '../../pull/pulled-model.js'
import { roundingNote } from './rounding.js'

const pulled = (variant: string, more: Partial<PulledModel> = {}): PulledModel => ({
  name: 'mine',
  source: 'file:/models/mine',
  pulledAt: '2026-11-22T00:00:00.000Z',
  engine: 'onnx',
  variant,
  weights: 'onnx/model.onnx',
  dimension: 384,
  maxTokens: 256,
  files: { 'onnx/model.onnx': { bytes: 1, sha256: 'a'.repeat(64) } },
  ...more,
})

test('whoever pulls weights of few bits is told what they cost', () => {
  expect(roundingNote(pulled('int8', { curated: 'all-minilm-l6-v2' }))).toMatch(/0\.967 at least .* 0\.0027 less/)
  for (const variant of ['int8', 'uint8', 'quantized', 'q4', 'q4f16', 'bnb4', 'qint8_avx512_vnni']) {
    expect(roundingNote(pulled(variant)), variant).toMatch(/not measured/)
  }
})

test('16 bits and more are no loss worth a word, and GGUF names its own', () => {
  for (const variant of ['fp32', 'fp16', 'bf16']) expect(roundingNote(pulled(variant)), variant).toBeUndefined()
  expect(roundingNote(pulled('q4_k_m', { engine: 'llama-cpp' }))).toBeUndefined()
})

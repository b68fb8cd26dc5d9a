import { expect, test } from 'vitest'
import { chooseFiles, chooseSettings } from './choose-files.js'

const MINILM = [
  'onnx/model.onnx',
  'onnx/model_O1.onnx',
  'onnx/model_qint8_avx512.onnx',
  'pytorch_model.bin',
  'config.json',
]
const QWEN_GGUF = ['Qwen3-Embedding-0.6B-Q8_0.gguf', 'Qwen3-Embedding-0.6B-f16.gguf', 'README.md']

test('fp32 ONNX is the usual choice, another variant one by name, in any case', () => {
  expect(chooseFiles(MINILM, {})).toMatchObject({ engine: 'onnx', variant: 'fp32', weights: 'onnx/model.onnx' })
  expect(chooseFiles(MINILM, { variant: 'QINT8_avx512' })).toMatchObject({ weights: 'onnx/model_qint8_avx512.onnx' })
})

test('numbers beside the graph come along, those of other variants do not', () => {
  const paths = [
    'onnx/model.onnx',
    'onnx/model.onnx_data',
    'onnx/model.onnx_data_1',
    'onnx/model_fp16.onnx',
    'onnx/model_fp16.onnx_data',
  ]
  expect(chooseFiles(paths, {}).weightFiles).toEqual([
    'onnx/model.onnx',
    'onnx/model.onnx_data',
    'onnx/model.onnx_data_1',
  ])
  expect(chooseFiles(paths, { variant: 'fp16' }).weightFiles).toEqual([
    'onnx/model_fp16.onnx',
    'onnx/model_fp16.onnx_data',
  ])
  expect(chooseFiles(['model.onnx', 'model.onnx.data'], {}).weightFiles).toEqual(['model.onnx', 'model.onnx.data'])
})

test('the exporter’s folder goes before the top', () => {
  expect(chooseFiles(['model.onnx', 'onnx/model.onnx'], {}).weights).toBe('onnx/model.onnx')
})

test('Q8_0 is the usual GGUF; ONNX goes first unless the engine is named', () => {
  expect(chooseFiles(QWEN_GGUF, {})).toMatchObject({ engine: 'llama-cpp', variant: 'Q8_0' })
  expect(chooseFiles(QWEN_GGUF, { variant: 'F16' }).weights).toBe('Qwen3-Embedding-0.6B-f16.gguf')
  expect(chooseFiles([...MINILM, ...QWEN_GGUF], {}).engine).toBe('onnx')
  expect(chooseFiles([...MINILM, ...QWEN_GGUF], { engine: 'llama-cpp' }).engine).toBe('llama-cpp')
})

test('a GGUF in parts comes with all of them, or not at all', () => {
  const parts = [1, 2, 3].map((i) => `m-Q4_K_M-0000${i}-of-00003.gguf`)
  expect(chooseFiles(parts, {})).toMatchObject({ variant: 'Q4_K_M', weights: parts[0], weightFiles: parts })
  expect(() => chooseFiles(parts.slice(0, 2), {})).toThrow(/has 3 parts, but 2 are there/)
})

test('where nothing is usual it has to be said', () => {
  expect(() => chooseFiles(['m-Q4_K_M.gguf', 'm-Q5_K_M.gguf'], {})).toThrow(
    'it has several variants for llama-cpp; choose with --variant: Q4_K_M, Q5_K_M.',
  )
  expect(chooseFiles(['m-Q4_K_M.gguf'], {}).variant).toBe('Q4_K_M')
  expect(() => chooseFiles(MINILM, { variant: 'int4' })).toThrow(/no variant int4 for onnx; .*: fp32, O1, qint8_avx512/)
  expect(() => chooseFiles(['model.safetensors'], {})).toThrow(/PyTorch weights have to be exported first/)
  expect(() => chooseFiles(MINILM, { engine: 'llama-cpp' })).toThrow(/no weights for llama-cpp/)
})

test('what no rule takes comes when it is asked for by name', () => {
  const paths = ['onnx/model.onnx', 'sparse_linear.pt']
  expect(chooseFiles(paths, {}).weightFiles).toEqual(['onnx/model.onnx'])
  expect(chooseFiles(paths, { also: ['sparse_linear.pt'] }).weightFiles).toEqual(paths)
  expect(() => chooseFiles(paths, { also: ['colbert_linear.pt'] })).toThrow(/it has no colbert_linear.pt, which this/)
})

const PREPROCESSOR = 'preprocessor_config.json'

test('of texts and pictures come both graphs, of one variant, with their numbers', () => {
  const paths = [
    PREPROCESSOR,
    'onnx/model.onnx',
    'onnx/text_model.onnx',
    'onnx/text_model.onnx_data',
    'onnx/text_model_fp16.onnx',
    'onnx/vision_model.onnx',
    'onnx/vision_model_fp16.onnx',
    'onnx/vision_model_q4.onnx',
  ]
  expect(chooseFiles(paths, {})).toEqual({
    engine: 'onnx',
    variant: 'fp32',
    weights: 'onnx/vision_model.onnx',
    weightFiles: ['onnx/text_model.onnx', 'onnx/text_model.onnx_data', 'onnx/vision_model.onnx'],
    towers: { text: 'onnx/text_model.onnx', picture: 'onnx/vision_model.onnx', preprocessor: PREPROCESSOR },
  })
  expect(chooseFiles(paths, { variant: 'fp16' }).weightFiles).toEqual([
    'onnx/text_model_fp16.onnx',
    'onnx/vision_model_fp16.onnx',
  ])
  expect(() => chooseFiles(paths, { variant: 'q4' })).toThrow(
    'it has no variant q4 for onnx; choose with --variant: fp32, fp16.',
  )
})

test('a graph of both is taken where there are none for each', () => {
  const paths = [PREPROCESSOR, 'onnx/model.onnx', 'onnx/model.onnx_data', 'onnx/model_fp16.onnx']
  expect(chooseFiles(paths, {})).toMatchObject({
    weightFiles: ['onnx/model.onnx', 'onnx/model.onnx_data'],
    towers: { text: 'onnx/model.onnx', picture: 'onnx/model.onnx' },
  })
  expect(chooseFiles(['onnx/model.onnx'], {}).towers).toBeUndefined()
  expect(chooseFiles([...paths, 'm-Q8_0.gguf'], { engine: 'llama-cpp' }).towers).toBeUndefined()
})

test('of several models in one repository comes the one of the folder that is named', () => {
  const paths = ['s0', 's2'].flatMap((size) => [
    `onnx/${size}/text_model.onnx`,
    `onnx/${size}/vision_model.onnx`,
    `onnx/${size}/${PREPROCESSOR}`,
  ])
  expect(chooseFiles([...paths, PREPROCESSOR], { folder: 'onnx/s2' })).toMatchObject({
    weightFiles: ['onnx/s2/text_model.onnx', 'onnx/s2/vision_model.onnx'],
    towers: { preprocessor: `onnx/s2/${PREPROCESSOR}` },
  })
})

test('settings and terms are taken; code, pickles and everything unknown are not', () => {
  const wanted = [
    'tokenizer.json',
    'config_sentence_transformers.json',
    'sentence_xlm-roberta_config.json',
    PREPROCESSOR,
    '1_Pooling/config.json',
    '2_Dense/config.json',
    '2_Dense/model.safetensors',
    'LICENSE.md',
    'NOTICE',
  ]
  const unwanted = [
    'modeling_gte.py',
    'pytorch_model.bin',
    '2_Dense/pytorch_model.bin',
    'sparse_linear.pt',
    'a.pkl',
    'model.safetensors',
    'openvino/openvino_model.bin',
    'train/config.json',
    'config.json.sh',
    'run.sh',
  ]
  expect(chooseSettings([...wanted, ...unwanted])).toEqual(wanted)
})

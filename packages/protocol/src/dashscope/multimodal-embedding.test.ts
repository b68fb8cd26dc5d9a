import { expect, test } from 'vitest'
import {
  decodeMultimodalEmbedding,
  encodeMultimodalEmbedding,
  type MultimodalAnswerForm,
  parseMultimodalEmbedding,
} from './multimodal-embedding.js'

const decode = (contents: unknown, parameters?: unknown) =>
  decodeMultimodalEmbedding(parseMultimodalEmbedding({ model: 'm', input: { contents }, parameters }))

test('each element is an input of parts, each of which knows its field', () => {
  const contents = [
    '冬雪',
    { factor: 2, text: 'a', image: null },
    { image: 'u', text: 'b' },
    { image: ['u', 'v'] },
    { multi_images: ['u'] },
    { video: ['f', 'g'] },
    { video: 'w' },
  ]
  expect(decode(contents).inputs).toEqual([
    [{ kind: 'text', text: '冬雪', field: 'input.contents[0]' }],
    [{ kind: 'text', text: 'a', field: 'input.contents[1].text' }],
    [
      { kind: 'text', text: 'b', field: 'input.contents[2].text' },
      { kind: 'image', source: 'u', field: 'input.contents[2].image' },
    ],
    [{ kind: 'multi_images', sources: ['u', 'v'], field: 'input.contents[3].image' }],
    [{ kind: 'multi_images', sources: ['u'], field: 'input.contents[4].multi_images' }],
    [{ kind: 'video', source: ['f', 'g'], field: 'input.contents[5].video' }],
    [{ kind: 'video', source: 'w', field: 'input.contents[6].video' }],
  ])
})

test('one content needs no list', () => {
  expect(decode('a').inputs).toHaveLength(1)
  expect(decode({ image: 'u' }).inputs).toHaveLength(1)
})

test('options one level too deep count, and those of the right level win', () => {
  const parameters = { dimension: 512, parameters: { dimension: 64, fps: 0.5, enable_fusion: true, res_level: 'high' } }
  expect(decode(['a'], parameters)).toMatchObject({ dimension: 512, fps: 0.5, isFused: true })
  expect(decode(['a'], parameters)).not.toHaveProperty('resolutionLevel')
  const bare = decode(['a'], { dimension: null, unknown: 1 })
  expect(Object.keys(bare).sort()).toEqual(['fields', 'inputs', 'model'])
})

test.each([
  [null, 'invalid_body', ''],
  [{ input: { contents: ['a'] } }, 'missing_model', 'model'],
  [{ model: '', input: { contents: ['a'] } }, 'missing_model', 'model'],
  [{ model: 'm' }, 'missing_input', 'input'],
  [{ model: 'm', input: {} }, 'missing_input', 'input.contents'],
  [{ model: 'm', input: 'a' }, 'invalid_parameter', 'input'],
  [{ model: 'm', input: { contents: [{}] } }, 'invalid_parameter', 'input.contents'],
  [{ model: 'm', input: { contents: [['a']] } }, 'invalid_parameter', 'input.contents'],
  [{ model: 'm', input: { contents: [{ image: [1] }] } }, 'invalid_parameter', 'input.contents'],
  [{ model: 'm', input: { contents: ['a'] }, parameters: { fps: '1' } }, 'invalid_parameter', 'parameters.fps'],
  [
    { model: 'm', input: { contents: ['a'] }, parameters: { output_type: 'sparse' } },
    'invalid_parameter',
    'parameters.output_type',
  ],
])('a body that cannot be is refused by its first wrong field: %j', (body, row, param) => {
  expect(() => parseMultimodalEmbedding(body)).toThrow(expect.objectContaining({ row, param }))
})

const RESULT = {
  model: 'm',
  embeddings: [{ index: 0, kind: 'image', dense: Float32Array.of(1, 0) }] as const,
  usage: { textTokens: 2, imageTokens: 30, imageCount: 1, videoSeconds: 1.2 },
  truncated: [],
  space: 's',
}

test.each<[MultimodalAnswerForm, string, object]>([
  [{ types: 'kinds', usage: 'counts' }, 'image', { input_tokens: 2, image_tokens: 30, image_count: 1, duration: 2 }],
  [
    { types: 'kinds', usage: 'details' },
    'image',
    {
      input_tokens: 32,
      input_tokens_details: { image_tokens: 30, text_tokens: 2 },
      output_tokens: 0,
      total_tokens: 32,
    },
  ],
  [{ types: 'vl', usage: 'sum' }, 'vl', { input_tokens: 2, image_tokens: 30, total_tokens: 32 }],
  [{ types: 'vl', usage: 'two' }, 'vl', { input_tokens: 2, image_tokens: 30 }],
])('an answer has the words of its model: %j', (form, type, usage) => {
  const result = { ...RESULT, embeddings: [...RESULT.embeddings] }
  expect(encodeMultimodalEmbedding(result, { requestId: 'r', form })).toEqual({
    output: { embeddings: [{ index: 0, type, embedding: Float32Array.of(1, 0) }] },
    usage,
    request_id: 'r',
  })
})

import { expect, test } from 'vitest'
import { fromBase64, toBase64 } from './base64.js'
import { decodeMultimodal, encodeMultimodal } from './multimodal.js'

const answer = (embeddings: unknown) => ({
  json: { output: { embeddings }, usage: { input_tokens: 1 } },
  requestId: 'r',
  space: 's',
  truncated: [1],
})

test('texts, URLs, bytes and lists become contents; several things in one object stay together', () => {
  const { path, body } = encodeMultimodal(
    [
      '冬雪',
      { image: 'https://a.test/1.png', text: 'a' },
      { image: Uint8Array.of(1, 2, 3) },
      { multiImages: ['https://a.test/1.png', Uint8Array.of(255)] },
      { video: ['https://a.test/f1.png', 'https://a.test/f2.png'] },
      { video: Uint8Array.of(0) },
    ],
    { dimension: 512, maxVideoFrames: 4 },
  )
  expect(path).toBe('/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding')
  expect(JSON.parse(JSON.stringify(body))).toEqual({
    model: 'multimodal-embedding-v1',
    input: {
      contents: [
        { text: '冬雪' },
        { text: 'a', image: 'https://a.test/1.png' },
        { image: 'data:image/*;base64,AQID' },
        { multi_images: ['https://a.test/1.png', 'data:image/*;base64,/w=='] },
        { video: ['https://a.test/f1.png', 'https://a.test/f2.png'] },
        { video: 'data:video/*;base64,AA==' },
      ],
    },
    parameters: { dimension: 512, max_video_frames: 4 },
  })
})

test('vectors come in the order of their positions', () => {
  const decoded = decodeMultimodal(
    answer([
      { index: 1, embedding: [0, 1], type: 'image' },
      { index: 0, embedding: [1, 0], type: 'text' },
    ]),
  )
  expect(decoded.types).toEqual(['text', 'image'])
  expect(decoded.vectors).toEqual([Float32Array.of(1, 0), Float32Array.of(0, 1)])
  expect(decoded).toMatchObject({ usage: { input_tokens: 1 }, space: 's', requestId: 'r', truncated: [1] })
})

test.each([[undefined], [[{ index: 1, embedding: [1], type: 'text' }]]])(
  'an answer of another shape is no answer: %j',
  (embeddings) => {
    expect(() => decodeMultimodal(answer(embeddings))).toThrow(expect.objectContaining({ code: 'invalid_answer' }))
  },
)

test('bytes of any length and value survive base64', () => {
  const floats = Float32Array.from({ length: 20_000 }, (_, i) => Math.sin(i))
  expect(fromBase64(toBase64(new Uint8Array(floats.buffer)))).toEqual(floats)
  expect(toBase64(new Uint8Array(0))).toBe('')
})

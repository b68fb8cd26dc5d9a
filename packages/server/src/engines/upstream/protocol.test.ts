import { expect, test } from 'vitest'
import { dashscope } from './dashscope.js'
import { ollama } from './ollama.js'
import { openai } from './openai.js'
import type { Protocol } from './protocol.js'
import { tei } from './tei.js'

const base64 = (...components: number[]) => Buffer.from(Float32Array.from(components).buffer).toString('base64')
const item = (embedding: unknown, index: number) => ({ object: 'embedding', embedding, index })
const kindOf = (decode: () => unknown) => {
  try {
    decode()
    return 'decoded'
  } catch (error) {
    return (error as { kind?: string }).kind
  }
}

test('OpenAI: base64 and numbers become the same float32, placed by their index', () => {
  const data = [item(base64(0.25, -3), 1), item([0.1, 1e-30], 0)]
  const { vectors, tokens } = openai.decode({ data, usage: { prompt_tokens: 7, total_tokens: 7 } }, 2)
  expect(vectors).toEqual([Float32Array.of(0.1, 1e-30), Float32Array.of(0.25, -3)])
  expect(tokens).toBe(7)
})

test('DashScope: placed by text_index, tokens from total_tokens', () => {
  const embeddings = [1, 0].map((text_index) => ({ text_index, embedding: [text_index, 1] }))
  expect(dashscope.decode({ output: { embeddings }, usage: { total_tokens: 3 } }, 2)).toEqual({
    vectors: [Float32Array.of(0, 1), Float32Array.of(1, 1)],
    tokens: 3,
  })
})

test.each<[what: string, protocol: Protocol, answer: unknown, kind: string]>([
  ['one vector too few', openai, { data: [item([1], 0)] }, 'invalid_answer'],
  ['an index twice', openai, { data: [item([1], 0), item([1], 0)] }, 'invalid_answer'],
  ['an index that is none', openai, { data: [item([1], 0), item([1], 2)] }, 'invalid_answer'],
  ['no vectors', openai, { data: [item([], 0), item([1], 1)] }, 'invalid_answer'],
  ['null for NaN', openai, { data: [item([1], 0), item([1, null], 1)] }, 'not_finite'],
  ['NaN in base64', openai, { data: [item([1], 0), item(base64(Number.NaN), 1)] }, 'not_finite'],
  ['beyond float32', openai, { data: [item([1], 0), item([1e39], 1)] }, 'not_finite'],
  ['half a number in base64', openai, { data: [item([1], 0), item('AAAAAAA=', 1)] }, 'invalid_answer'],
  ['an error that says 200', openai, { error: { message: 'no' } }, 'invalid_answer'],
  ['one vector too many', tei, [[1], [2], [3]], 'invalid_answer'],
  ['a vector of texts', tei, [[1], ['2']], 'invalid_answer'],
  ['an object', ollama, { embeddings: { 0: [1], 1: [2] } }, 'invalid_answer'],
])('%s is no answer', (_what, protocol, answer, kind) => {
  expect(kindOf(() => protocol.decode(answer, 2))).toBe(kind)
})

test.each<[protocol: Protocol, words: string]>([
  [openai, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"],
  [openai, 'input (713 tokens) is too large to process. increase the physical batch size'],
  [openai, '{"type":"exceed_context_size_error"}'],
  [tei, '`inputs` must have less than 512 tokens. Given: 513'],
  [ollama, 'the input length exceeds the context length'],
  [dashscope, '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 8192]'],
])('%o knows a text that is too long', (protocol, words) => {
  expect(protocol.textFault(400, { error: { message: words } })).toBe('too_long')
  expect(protocol.textFault(400, words)).toBe('too_long')
  expect(protocol.textFault(400, 'no such model')).toBeUndefined()
})

test('nothing is asked to cut, and no prompt of the server is asked for', () => {
  const call = { model: 'm', texts: ['t'], textType: 'query', encoding: 'float' } as const
  expect(tei.encode(call).body).toEqual({ inputs: ['t'], normalize: false, truncate: false, prompt_name: null })
  expect(ollama.encode(call).body).toEqual({ model: 'm', input: ['t'], truncate: false })
  expect(openai.encode(call).body).toEqual({ model: 'm', input: ['t'], encoding_format: 'float' })
})

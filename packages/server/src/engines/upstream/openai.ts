import { fieldOf, inOrder, listOf, type Protocol, type TokenRoute, tokensOf, vectorOf, wordsOf } from './protocol.js'
import { UpstreamError } from './upstream-error.js'

/**
 * vLLM (`ErrorResponse` of entrypoints/openai: «maximum context length»), llama-server (tools/server: «too large to
 * process», `exceed_context_size_error`), OpenAI («maximum context length», «maximum input length»), DashScope's
 * compatible mode and this server («Range of input length»).
 */
const TOO_LONG =
  /maximum (context|input|model|sequence) length|too large to process|exceed_context_size|context_length_exceeded|Range of input length should be|must have less than \d+ tokens|input length exceeds/i

/** vLLM: `POST /tokenize` beside `/v1`, one text a call. */
const VLLM_TOKENS: TokenRoute = {
  maxTexts: 1,
  encode: ([prompt], model) => ({ path: '/tokenize', body: { model, prompt, add_special_tokens: false } }),
  decode: (answer) => [countOf(fieldOf(answer, 'count'))],
}

/** llama-server: the same path, other words. */
const LLAMA_TOKENS: TokenRoute = {
  maxTexts: 1,
  encode: ([content]) => ({ path: '/tokenize', body: { content, add_special: false } }),
  decode: (answer) => {
    const tokens = fieldOf(answer, 'tokens')
    return [countOf(Array.isArray(tokens) ? tokens.length : undefined)]
  },
}

/**
 * OpenAI's `POST /v1/embeddings`, as vLLM, llama-server, SGLang, LocalAI and many others speak it.
 *
 * Nothing is cut silently: OpenAI, vLLM and llama-server refuse a text that is too long.
 */
export const openai: Protocol = {
  name: 'openai',
  maxTexts: 32,
  hasOwnPrompts: false,
  hasBase64: true,
  health: { path: '/models', base: '/v1' },
  tokenRoutes: [VLLM_TOKENS, LLAMA_TOKENS],
  encode: ({ model, texts, dimension, encoding }) => ({
    path: '/embeddings',
    base: '/v1',
    body: { model, input: texts, encoding_format: encoding, ...(dimension !== undefined && { dimensions: dimension }) },
  }),
  decode(answer, count) {
    const tokens = tokensOf(fieldOf(fieldOf(answer, 'usage'), 'prompt_tokens'))
    const data = inOrder(listOf(fieldOf(answer, 'data'), count), 'index')
    const vectors = data.map((record) => vectorOf(fieldOf(record, 'embedding')))
    return { vectors, ...(tokens !== undefined && { tokens }) }
  },
  textFault: (_status, body) => (TOO_LONG.test(wordsOf(body)) ? 'too_long' : undefined),
}

function countOf(value: unknown): number {
  const tokens = tokensOf(value)
  if (tokens === undefined) throw new UpstreamError('invalid_answer', { status: 200 })
  return tokens
}

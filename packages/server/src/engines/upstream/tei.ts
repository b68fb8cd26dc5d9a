import { fieldOf, listOf, type Protocol, type TokenRoute, tokensOf, vectorOf, wordsOf } from './protocol.js'
import { UpstreamError } from './upstream-error.js'

/** text-embeddings-inference's default of `--max-client-batch-size`; `/info` says the server's own. */
const MAX_TEXTS = 32

const TOKENS: TokenRoute = {
  maxTexts: MAX_TEXTS,
  encode: (inputs) => ({ path: '/tokenize', body: { inputs, add_special_tokens: false } }),
  decode: (answer, count) =>
    listOf(answer, count).map((tokens) => {
      if (!Array.isArray(tokens)) throw new UpstreamError('invalid_answer', { status: 200 })
      return tokens.length
    }),
}

/**
 * Text Embeddings Inference's own routes (router/src/http/types.rs): its OpenAI route would cut a text that is too long
 * where the server runs with `--auto-truncate`; here `truncate: false` is asked for. Vectors come as JSON numbers, with
 * the digits of their float32, before normalisation.
 */
export const tei: Protocol = {
  name: 'tei',
  maxTexts: MAX_TEXTS,
  hasOwnPrompts: false,
  hasBase64: false,
  health: { path: '/health' },
  tokenRoutes: [TOKENS],
  encode: ({ texts, dimension }) => ({
    path: '/embed',
    body: {
      inputs: texts,
      normalize: false,
      truncate: false,
      prompt_name: null,
      ...(dimension !== undefined && { dimensions: dimension }),
    },
  }),
  decode: (answer, count) => ({ vectors: listOf(answer, count).map(vectorOf) }),
  textFault: (_status, body) =>
    /must have less than|Range of input length should be/.test(wordsOf(body)) ? 'too_long' : undefined,
  info: {
    path: '/info',
    decode(answer) {
      const sha = fieldOf(answer, 'model_sha')
      const maxInputTokens = tokensOf(fieldOf(answer, 'max_input_length'))
      const maxTexts = tokensOf(fieldOf(answer, 'max_client_batch_size'))
      if (typeof fieldOf(answer, 'model_id') !== 'string') throw new UpstreamError('invalid_answer', { status: 200 })
      return {
        ...(typeof sha === 'string' && { revision: sha }),
        ...(maxInputTokens !== undefined && { maxInputTokens }),
        ...(maxTexts !== undefined && { maxTexts }),
      }
    },
  },
}

import { fieldOf, listOf, type Protocol, tokensOf, vectorOf, wordsOf } from './protocol.js'

/** Ollama's `POST /api/embed` (docs/api.md). It has no route that counts tokens; `prompt_eval_count` is of all texts. */
export const ollama: Protocol = {
  name: 'ollama',
  maxTexts: 32,
  hasOwnPrompts: false,
  hasBase64: false,
  health: { path: '/api/version' },
  tokenRoutes: [],
  encode: ({ model, texts, dimension }) => ({
    path: '/api/embed',
    body: { model, input: texts, truncate: false, ...(dimension !== undefined && { dimensions: dimension }) },
  }),
  decode(answer, count) {
    const tokens = tokensOf(fieldOf(answer, 'prompt_eval_count'))
    const vectors = listOf(fieldOf(answer, 'embeddings'), count).map(vectorOf)
    return { vectors, ...(tokens !== undefined && { tokens }) }
  },
  // server/routes.go, EmbedHandler: «the input length exceeds the context length», a 400; a 500 in older versions.
  // Go's encoder refuses what is no number: «json: unsupported value: NaN», a 500.
  textFault: (_status, body) => {
    if (/input length exceeds|Range of input length should be/.test(wordsOf(body))) return 'too_long'
    return /unsupported value: (NaN|[+-]?Inf)/.test(wordsOf(body)) ? 'not_finite' : undefined
  },
}

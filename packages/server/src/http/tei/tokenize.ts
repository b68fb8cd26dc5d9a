import { tei } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'

export const tokenize: Endpoint = {
  method: 'POST',
  paths: ['/tokenize'],
  dialect: 'tei',
  tag: 'Text Embeddings Inference',
  summary: 'Tokens of up to 32 texts, with their places',
  description: '`start` and `stop` count UTF-8 bytes of the text, as in text-embeddings-inference.',
  body: tei.TokenizeBody,
  response: tei.TokenizeResponse,
  async handle({ services, body, signal }): Promise<tei.TokenizeResponse> {
    const { texts, isFramed, prompt } = tei.parseTokenize(body)
    const tokens = await services.inspect.tokensOf(services.defaultModel, signal)
    const located = await tokens.locate(texts, { ...(prompt && { prompt }) })
    return located.map(({ text, tokens, before, after }) => {
      const plain = tei.encodeTokens(text, tokens)
      return isFramed ? [...before.map(tei.encodeSpecial), ...plain, ...after.map(tei.encodeSpecial)] : plain
    })
  },
}

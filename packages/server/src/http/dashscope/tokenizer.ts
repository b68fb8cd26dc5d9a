import { dashscope } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'

export const tokenizer: Endpoint = {
  method: 'POST',
  paths: ['/api/v1/tokenizer'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'Tokens of a text, as the serving model counts them',
  description:
    'Exactly the tokens that `usage` counts, without prompts and special tokens. Several texts follow each other.',
  body: dashscope.TokenizerBody,
  response: dashscope.TokenizerResponse,
  async handle({ services, body, requestId, signal }): Promise<dashscope.TokenizerResponse> {
    const { model, texts } = dashscope.parseTokenizer(body)
    const tokens = (await services.tokenize(services.catalog.get(model), texts, signal)).flat()
    return {
      output: { token_ids: tokens.map(({ id }) => id), tokens: tokens.map(({ text }) => text) },
      usage: { input_tokens: tokens.length },
      request_id: requestId,
    }
  },
}

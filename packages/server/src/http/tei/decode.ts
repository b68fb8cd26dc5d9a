import { tei } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'

export const decode: Endpoint = {
  method: 'POST',
  paths: ['/decode'],
  dialect: 'tei',
  tag: 'Text Embeddings Inference',
  summary: 'Texts that token ids stand for',
  body: tei.DecodeBody,
  response: tei.DecodeResponse,
  async handle({ services, body, signal }): Promise<string[]> {
    const { lists, keepSpecial } = tei.parseDecode(body)
    const tokens = await services.inspect.tokensOf(services.defaultModel, signal)
    return lists.map((ids, index) => tokens.decode(ids, { keepSpecial, field: `ids[${index}]` }))
  },
}

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
  handle({ services, body }): string[] {
    const { lists, keepSpecial } = tei.parseDecode(body)
    return lists.map((ids, index) =>
      services.inspect.decode(services.defaultModel, ids, { keepSpecial, field: `ids[${index}]` }),
    )
  },
}

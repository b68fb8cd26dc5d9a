import { tei } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { contextOf, runTeiEmbed } from './run-tei-embed.js'

export const embed: Endpoint = {
  method: 'POST',
  paths: ['/embed', '/'],
  dialect: 'tei',
  tag: 'Text Embeddings Inference',
  summary: 'Embed up to 32 inputs',
  description:
    'The requests of text-embeddings-inference name no model: the one of the setting `defaultModel` serves. Token ids are read as the text that they stand for.',
  body: tei.EmbedBody,
  response: tei.EmbedResponse,
  async handle(exchange) {
    const request = tei.decodeEmbed(tei.parseEmbed(exchange.body), await contextOf(exchange))
    const result = await runTeiEmbed(request, exchange)
    return tei.encodeEmbed(result)
  },
}

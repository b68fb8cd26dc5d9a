import { tei } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'
import { contextOf } from './context.js'

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
    const request = tei.decodeEmbed(tei.parseEmbed(exchange.body), contextOf(exchange.services))
    const result = await runEmbed(request, exchange, { maxInputs: tei.MAX_CLIENT_BATCH_SIZE })
    exchange.reply.header('x-compute-tokens', result.totalTokens)
    return tei.encodeEmbed(result)
  },
}

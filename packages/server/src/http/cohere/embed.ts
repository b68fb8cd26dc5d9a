import { cohere } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'
import { VECTOR_TO_WIRE } from '../vector-to-wire.js'

export const embed: Endpoint = {
  method: 'POST',
  paths: ['/v2/embed'],
  dialect: 'cohere',
  tag: 'Cohere',
  summary: 'Embed up to 96 texts, in one or several forms',
  description: 'A text that is too long loses its end unless `truncate` says otherwise, as in Cohere.',
  body: cohere.EmbedBody,
  response: cohere.EmbedResponse,
  async handle(exchange) {
    const body = cohere.parseEmbed(exchange.body)
    const request = cohere.decodeEmbed(body)
    const result = await runEmbed(request, exchange, { maxInputs: cohere.MAX_INPUTS })
    const { requestId } = exchange
    return cohere.encodeEmbed(result, { body, texts: request.inputs, requestId, toWire: VECTOR_TO_WIRE })
  },
}

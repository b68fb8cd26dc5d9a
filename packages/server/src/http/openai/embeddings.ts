import { openai } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'
import { VECTOR_TO_WIRE } from '../vector-to-wire.js'
import { autoSplitInputs } from './auto-split.js'

export const embeddings: Endpoint = {
  method: 'POST',
  paths: ['/compatible-mode/v1/embeddings', '/v1/embeddings'],
  dialect: 'openai',
  tag: 'OpenAI-compatible',
  summary: 'Embed one text or a list of texts',
  body: openai.EmbeddingsBody,
  response: openai.EmbeddingsResponse,
  async handle(exchange) {
    const { body, requestId, services } = exchange
    const parsed = openai.parseEmbeddings(body)
    const request = await services.detokenize(openai.decodeEmbeddings(parsed))
    const result = await runEmbed(request, exchange, { maxInputs: autoSplitInputs(services) })
    const vectorToWire = VECTOR_TO_WIRE[openai.vectorFormatOf(parsed)]
    return openai.encodeEmbeddings(result, { requestId, vectorToWire })
  },
}

import { openai } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'
import { VECTOR_TO_WIRE } from '../vector-to-wire.js'

/** Texts in one request where the operator allows more than the model's limit: OpenAI's own number. */
const AUTO_SPLIT_INPUTS = 2048

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
    const options = services.isAutoSplit ? { maxInputs: AUTO_SPLIT_INPUTS } : {}
    const result = await runEmbed(request, exchange, options)
    const vectorToWire = VECTOR_TO_WIRE[openai.vectorFormatOf(parsed)]
    return openai.encodeEmbeddings(result, { requestId, vectorToWire })
  },
}

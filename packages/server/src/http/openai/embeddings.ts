import { openai } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'
import { runMultimodal } from '../run-multimodal.js'
import { VECTOR_TO_WIRE } from '../vector-to-wire.js'
import { autoSplitInputs } from './auto-split.js'

/** Inputs of pictures and texts in one request, whatever the model's own endpoint takes. */
export const MAX_MULTIMODAL_INPUTS = 64

export const embeddings: Endpoint = {
  method: 'POST',
  paths: ['/compatible-mode/v1/embeddings', '/v1/embeddings'],
  dialect: 'openai',
  tag: 'OpenAI-compatible',
  summary: 'Embed one text or a list of texts; pictures too, where the model sees',
  body: openai.EmbeddingsBody,
  response: openai.EmbeddingsResponse,
  async handle(exchange) {
    const { body, requestId, services } = exchange
    const parsed = openai.parseEmbeddings(body)
    const vectorToWire = VECTOR_TO_WIRE[openai.vectorFormatOf(parsed)]
    if (services.catalog.findMultimodal(parsed.model) !== undefined) {
      const request = openai.decodeMultimodalEmbeddings(parsed)
      const result = await runMultimodal(request, exchange, { maxInputs: MAX_MULTIMODAL_INPUTS })
      return openai.encodeMultimodalEmbeddings(result, { requestId, vectorToWire })
    }
    const request = await services.detokenize(openai.decodeEmbeddings(parsed))
    const result = await runEmbed(request, exchange, { maxInputs: autoSplitInputs(services) })
    return openai.encodeEmbeddings(result, { requestId, vectorToWire })
  },
}

import { dashscope } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runMultimodal } from '../run-multimodal.js'

export const multimodalEmbedding: Endpoint = {
  method: 'POST',
  paths: ['/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'Embed texts, pictures and videos in one space',
  body: dashscope.MultimodalEmbeddingBody,
  response: dashscope.MultimodalEmbeddingResponse,
  hasMedia: true,
  async handle(exchange) {
    const { body, requestId, services } = exchange
    const request = dashscope.decodeMultimodalEmbedding(dashscope.parseMultimodalEmbedding(body))
    const result = await runMultimodal(request, exchange)
    const { answer: form } = services.catalog.getMultimodal(result.model)
    return dashscope.encodeMultimodalEmbedding(result, { requestId, form })
  },
}

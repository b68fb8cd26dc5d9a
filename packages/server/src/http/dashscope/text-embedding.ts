import { dashscope } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'
import { submitTask } from './tasks.js'

export const textEmbedding: Endpoint = {
  method: 'POST',
  paths: ['/api/v1/services/embeddings/text-embedding/text-embedding'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'Embed one text or a list of texts',
  body: dashscope.TextEmbeddingBody,
  response: dashscope.TextEmbeddingResponse,
  async handle(exchange) {
    const { body, request, requestId } = exchange
    // Before the body: an asynchronous call has `input.url` and no texts.
    if (String(request.headers['x-dashscope-async']).toLowerCase() === 'enable') return submitTask(exchange)
    const parsed = dashscope.parseTextEmbedding(body)
    return dashscope.encodeTextEmbedding(await runEmbed(dashscope.decodeTextEmbedding(parsed), exchange), requestId)
  },
}

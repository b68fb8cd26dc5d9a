import { ollama } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'

export const embeddings: Endpoint = {
  method: 'POST',
  paths: ['/api/embeddings'],
  dialect: 'ollama',
  tag: 'Ollama',
  summary: 'Embed one text, the older way',
  body: ollama.EmbeddingsBody,
  response: ollama.EmbeddingsResponse,
  async handle(exchange) {
    const request = ollama.decodeEmbeddings(ollama.parseEmbeddings(exchange.body))
    exchange.services.catalog.get(request.model)
    if (request.inputs.length === 0) return ollama.encodeEmbeddings({ embeddings: [] })
    return ollama.encodeEmbeddings(await runEmbed(request, exchange))
  },
}

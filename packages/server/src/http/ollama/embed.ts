import { ollama } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'

export const embed: Endpoint = {
  method: 'POST',
  paths: ['/api/embed'],
  dialect: 'ollama',
  tag: 'Ollama',
  summary: 'Embed one text or a list of texts',
  description: 'A text that is too long loses its end unless `truncate` is `false`, as in Ollama.',
  body: ollama.EmbedBody,
  response: ollama.EmbedResponse,
  async handle(exchange) {
    const startedAt = performance.now()
    const parsed = ollama.parseEmbed(exchange.body)
    const request = ollama.decodeEmbed(parsed)
    exchange.services.catalog.get(request.model)
    const loadMs = performance.now() - startedAt
    const { model } = parsed
    if (request.inputs.length === 0) {
      return ollama.encodeEmbed({ embeddings: [], totalTokens: 0 }, { model, totalMs: loadMs, loadMs })
    }
    const result = await runEmbed(request, exchange, { maxInputs: ollama.MAX_INPUTS })
    return ollama.encodeEmbed(result, { model, totalMs: performance.now() - startedAt, loadMs })
  },
}

import { tei } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { contextOf, runTeiEmbed } from './run-tei-embed.js'

export const embedSparse: Endpoint = {
  method: 'POST',
  paths: ['/embed_sparse'],
  dialect: 'tei',
  tag: 'Text Embeddings Inference',
  summary: 'Sparse vectors of up to 32 inputs',
  body: tei.EmbedSparseBody,
  response: tei.EmbedSparseResponse,
  async handle(exchange) {
    const request = tei.decodeEmbedSparse(tei.parseEmbedSparse(exchange.body), await contextOf(exchange))
    const result = await runTeiEmbed(request, exchange)
    return tei.encodeEmbedSparse(result)
  },
}

import { tei } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'
import { contextOf } from './context.js'

export const embedSparse: Endpoint = {
  method: 'POST',
  paths: ['/embed_sparse'],
  dialect: 'tei',
  tag: 'Text Embeddings Inference',
  summary: 'Sparse vectors of up to 32 inputs',
  body: tei.EmbedSparseBody,
  response: tei.EmbedSparseResponse,
  async handle(exchange) {
    const request = tei.decodeEmbedSparse(tei.parseEmbedSparse(exchange.body), contextOf(exchange.services))
    const result = await runEmbed(request, exchange, { maxInputs: tei.MAX_CLIENT_BATCH_SIZE })
    exchange.reply.header('x-compute-tokens', result.totalTokens)
    return tei.encodeEmbedSparse(result)
  },
}

import { tei } from '@quiver/protocol'
import { cosine } from '../../vector/vector.js'
import type { Endpoint } from '../endpoint.js'
import { runTeiEmbed } from './run-tei-embed.js'

export const similarity: Endpoint = {
  method: 'POST',
  paths: ['/similarity'],
  dialect: 'tei',
  tag: 'Text Embeddings Inference',
  summary: 'Cosine similarity of a text with up to 31 others',
  body: tei.SimilarityBody,
  response: tei.SimilarityResponse,
  async handle(exchange): Promise<tei.SimilarityResponse> {
    const request = tei.decodeSimilarity(tei.parseSimilarity(exchange.body), exchange.services.defaultModel.id)
    const result = await runTeiEmbed(request, exchange)
    const [source = new Float32Array(0), ...sentences] = result.embeddings.flatMap(({ dense }) => dense ?? [])
    return sentences.map((sentence) => cosine(source, sentence))
  },
}

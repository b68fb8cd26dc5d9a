import { ApiError } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'

/** Routes that text-embeddings-inference has for other kinds of model; there too an embedding model answers 424. */
export const notOffered: readonly Endpoint[] = [
  refuse('/embed_all', 'a vector for each token', '`embed_all` is not available: the model gives one vector a text'),
  refuse('/predict', 'classification', 'Model is not a classifier model'),
  refuse('/rerank', 'reranking', 'model is not a re-ranker model'),
]

function refuse(path: string, what: string, message: string): Endpoint {
  return {
    method: 'POST',
    paths: [path],
    dialect: 'tei',
    tag: 'Text Embeddings Inference',
    summary: `Not offered: ${what}`,
    handle: () => {
      throw new ApiError('not_supported', message)
    },
  }
}

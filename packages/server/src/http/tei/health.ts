import { ApiError } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'

export const health: Endpoint = {
  method: 'GET',
  paths: ['/health'],
  dialect: 'tei',
  isPublic: true,
  tag: 'Text Embeddings Inference',
  summary: 'Whether embeddings are served; the same as `/readyz`, without a body',
  handle: ({ services, reply }) => {
    if (services.isReady()) return reply.code(200).send()
    throw new ApiError('not_ready', 'unhealthy', { retryAfterSeconds: 1 })
  },
}

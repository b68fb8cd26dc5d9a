import { ApiError } from '@quiver/protocol'
import type { Endpoint } from './endpoint.js'

export const livez: Endpoint = {
  method: 'GET',
  paths: ['/livez'],
  dialect: 'openai',
  isPublic: true,
  tag: 'Operation',
  summary: 'Whether the process answers',
  handle: () => ({ status: 'ok' }),
}

export const readyz: Endpoint = {
  method: 'GET',
  paths: ['/readyz'],
  dialect: 'openai',
  isPublic: true,
  tag: 'Operation',
  summary: 'Whether embeddings are served: the model is loaded and verified, and the server is not draining',
  handle: ({ services }) => {
    if (services.isReady()) return { status: 'ok' }
    throw new ApiError('not_ready', 'The server is starting or draining.', { retryAfterSeconds: 1 })
  },
}

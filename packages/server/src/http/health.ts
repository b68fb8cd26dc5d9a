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
  summary: 'Whether embeddings are served: the built-in model is loaded and verified, and the server is not draining',
  description: '`enginesDown` names engines whose servers cannot be reached; only their models are not served.',
  handle: ({ services }) => {
    const enginesDown = services.enginesDown()
    if (services.isReady()) return { status: 'ok', ...(enginesDown.length > 0 && { enginesDown }) }
    throw new ApiError('not_ready', 'The server is starting or draining.', { retryAfterSeconds: 1 })
  },
}

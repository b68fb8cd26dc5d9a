import { ollama } from '@quiver/protocol'
import { VERSION } from '../../version.js'
import type { Endpoint } from '../endpoint.js'

export const version: Endpoint = {
  method: 'GET',
  paths: ['/api/version'],
  dialect: 'ollama',
  tag: 'Ollama',
  summary: 'Version of this server',
  response: ollama.Version,
  handle: () => ({ version: VERSION }),
}

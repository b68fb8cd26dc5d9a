import type { FastifyRequest } from 'fastify'
import type { Caller } from '../admission/api-key.js'
import type {} from './endpoint.js' // `caller` of a request

/** Who calls; for routes that ask for a key. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === undefined) throw new TypeError('a route that is not public has a caller')
  return caller
}

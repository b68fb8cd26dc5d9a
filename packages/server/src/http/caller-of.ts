import type { FastifyRequest } from 'fastify'
import type { Caller } from '../admission/api-key.js'

/** Who calls; for routes that ask for a key. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === undefined) throw new TypeError('a route that is not public has a caller')
  return caller
}

import { createHash } from 'node:crypto'
import { ApiError } from '@quiver/protocol'
import type { FastifyRequest } from 'fastify'
import type { Idempotency } from '../jobs/job-store.js'
import { OVERLONG_HEADER } from './overlong.js'

/** Request header: the client's name of this submission, so that it can repeat it without submitting twice. */
const HEADER = 'idempotency-key'
const MAX_LENGTH = 255

/** @throws {ApiError} `invalid_parameter` for a key that is empty or too long. */
export function idempotencyOf({ headers, body }: FastifyRequest, operation: string): { idempotency?: Idempotency } {
  const key = headers[HEADER]
  if (key === undefined) return {}
  if (typeof key !== 'string' || key === '' || key.length > MAX_LENGTH) {
    throw new ApiError('invalid_parameter', `Header Idempotency-Key must have 1 to ${MAX_LENGTH} characters.`, {
      param: 'Idempotency-Key',
    })
  }
  const fingerprint = createHash('sha256')
    .update(Buffer.isBuffer(body) ? body : '')
    .update(String(headers[OVERLONG_HEADER] ?? ''))
    .digest('hex')
  return { idempotency: { operation, key, fingerprint } }
}

import { ApiError, type Dialect, ERRORS, statusOf } from '@quiver/protocol'
import type { FastifyReply } from 'fastify'
import type { Logger } from '../telemetry/log.js'
import { ERROR_BODY } from './error-body.js'

/** What went wrong, as the table knows it. Anything that is no ApiError is ours: its message stays in the log. */
export function toApiError(error: unknown, limits: { maxBodyBytes: number; bodyBytes: string | undefined }): ApiError {
  if (error instanceof ApiError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const came = limits.bodyBytes === undefined ? 'it has more' : `it has ${limits.bodyBytes}`
    return new ApiError('body_too_large', `Payload Too Large: a body may have ${limits.maxBodyBytes} bytes, ${came}.`)
  }
  if (code === 'FST_ERR_BAD_URL') return new ApiError('not_found', 'Not found! The URL is malformed.')
  if (String(code).startsWith('FST_ERR_') && isCallersFault(error)) {
    return new ApiError('invalid_body', 'Required body invalid, please check the request body format.')
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new ApiError('timed_out', 'Request timed out, please try again later.')
  }
  return new ApiError('internal', 'An internal error has occured, please try again later or contact service support.', {
    cause: error,
  })
}

/** The one place where an error becomes a response. */
export function sendError(
  error: ApiError,
  { reply, requestId, dialect, log }: { reply: FastifyReply; requestId: string; dialect: Dialect; log: Logger },
): FastifyReply {
  const status = statusOf(error, dialect)
  if (status >= 500) log.error({ requestId, error: error.row, cause: error.cause }, error.message)
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds))
  const isRetryable = ERRORS[error.row][4]
  reply.header('x-should-retry', String(isRetryable))
  const { mediaType, write } = ERROR_BODY[dialect]
  return reply.code(status).header('content-type', mediaType).send(write(error, requestId))
}

/** Fastify's own errors say whose fault they are by their status. */
function isCallersFault(error: unknown): boolean {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  return status >= 400 && status < 500
}

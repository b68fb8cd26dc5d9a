import { z } from 'zod'
import { type ApiError, ERRORS, messageOf } from '../errors.js'

/** Error body of the native routes. Python's SDK reads it only behind `Content-Type: application/json`. */
export const ErrorBody = z.object({ code: z.string(), message: z.string(), request_id: z.string() })
export type ErrorBody = z.output<typeof ErrorBody>

/** Neutral → wire. */
export function encodeError(error: ApiError, requestId: string): ErrorBody {
  return { code: ERRORS[error.row][1], message: messageOf(error, 'dashscope'), request_id: requestId }
}

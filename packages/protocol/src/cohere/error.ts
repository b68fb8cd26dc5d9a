import { z } from 'zod'
import { type ApiError, messageOf } from '../errors.js'

/** Error body of Cohere's routes; seen in the field as `{"message": …}`, newer ones with the request's id. */
export const ErrorBody = z.object({ id: z.string(), message: z.string() })
export type ErrorBody = z.output<typeof ErrorBody>

/** Neutral → wire. */
export function encodeError(error: ApiError, requestId: string): ErrorBody {
  return { id: requestId, message: messageOf(error, 'cohere') }
}

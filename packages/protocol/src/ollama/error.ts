import { z } from 'zod'
import { type ApiError, messageOf } from '../errors.js'

/** Error body of Ollama's routes (docs/api/errors.mdx); the HTTP status says which kind. */
export const ErrorBody = z.object({ error: z.string() })
export type ErrorBody = z.output<typeof ErrorBody>

/** Neutral → wire. */
export function encodeError(error: ApiError): ErrorBody {
  return { error: messageOf(error, 'ollama') }
}

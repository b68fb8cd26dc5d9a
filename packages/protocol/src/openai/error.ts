import { z } from 'zod'
import { type ApiError, ERRORS, messageOf } from '../errors.js'

/** Error body of the OpenAI-compatible routes; `id` and `request_id` are DashScope's, the rest OpenAI's. */
export const ErrorBody = z.object({
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
  id: z.string(),
  request_id: z.string(),
})
export type ErrorBody = z.output<typeof ErrorBody>

/** Neutral → wire. */
export function encodeError(error: ApiError, requestId: string): ErrorBody {
  const [, , type, code] = ERRORS[error.row]
  return {
    error: { message: messageOf(error, 'openai'), type, param: error.param ?? null, code },
    id: requestId,
    request_id: requestId,
  }
}

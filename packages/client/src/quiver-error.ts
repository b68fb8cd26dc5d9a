/** Faults that the client finds itself; every other code is the server's (docs/errors.md). */
export type ClientFault = 'connection_failed' | 'client_timeout' | 'invalid_answer' | 'space_changed'

export interface QuiverErrorDetails extends ErrorOptions {
  /** A {@link ClientFault}, or the server's code in the words of the endpoint's dialect. */
  code: string
  status?: number | undefined
  requestId?: string | undefined
  retryAfterMs?: number | undefined
  /** Field at fault as the server wrote it: `input[3]`, `dimensions`. */
  param?: string | undefined
  position?: number | undefined
  isRetryable?: boolean
}

/** The request was refused, failed, or brought something that cannot be used. Never holds a text or a key. */
export class QuiverError extends Error {
  override readonly name = 'QuiverError'
  /** The server's code, such as `model_not_found`; or `connection_failed`, `client_timeout`, `invalid_answer`, `space_changed`. */
  readonly code: string
  /** HTTP status; `undefined` when no answer came. */
  readonly status: number | undefined
  /** Finds the request in the server's log. */
  readonly requestId: string | undefined
  /** Milliseconds that the server asked to wait. */
  readonly retryAfterMs: number | undefined
  readonly param: string | undefined
  /** Which of the caller's texts is at fault, from 0; counted over all texts of the call, however it was split. */
  readonly position: number | undefined
  /** Whether the same call may succeed later. The client has already tried again when this reaches the caller. */
  readonly isRetryable: boolean

  constructor(message: string, details: QuiverErrorDetails) {
    super(message, details)
    this.code = details.code
    this.status = details.status
    this.requestId = details.requestId
    this.retryAfterMs = details.retryAfterMs
    this.param = details.param
    this.position = details.position
    this.isRetryable = details.isRetryable ?? false
  }
}

/** How the two dialects name one text of a request. */
const PLACE = /\binput(?:\.texts)?\[(\d+)\]/

/**
 * The error of one request in the words of the whole call: `input[3]` of the request that began at text 20 becomes
 * `texts[23]`, in the message too.
 */
export function inTermsOfCall(error: QuiverError, offset: number): QuiverError {
  // The native dialect has no field for the place; it is in the message only.
  const [place, digits] = PLACE.exec(error.param ?? '') ?? PLACE.exec(error.message) ?? []
  if (place === undefined) return error
  const position = offset + Number(digits)
  const param = `texts[${position}]`
  return new QuiverError(error.message.replaceAll(place, param), { ...error, cause: error.cause, param, position })
}

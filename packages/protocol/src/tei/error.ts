import { z } from 'zod'
import { type ApiError, type ErrorName, messageOf } from '../errors.js'

/** The kinds of error that text-embeddings-inference has (1.9.3, router/src/lib.rs, `ErrorType`). */
export const ERROR_TYPES = ['Unhealthy', 'Backend', 'Overloaded', 'Validation', 'Tokenizer', 'Empty'] as const
export type TeiErrorType = (typeof ERROR_TYPES)[number]

/** Error body of text-embeddings-inference's routes. */
export const ErrorBody = z.object({ error: z.string(), error_type: z.enum(ERROR_TYPES) })
export type ErrorBody = z.output<typeof ErrorBody>

/**
 * The kind of every row. The original answers a wrong key, path or method without a body; the kind there is the
 * nearest one.
 */
export const TEI_ERROR_TYPE: Readonly<Record<ErrorName, TeiErrorType>> = {
  invalid_parameter: 'Validation',
  invalid_body: 'Validation',
  malformed_http: 'Validation',
  missing_model: 'Validation',
  missing_input: 'Empty',
  invalid_api_key: 'Validation',
  access_denied: 'Validation',
  asynchronous_only: 'Validation',
  model_not_found: 'Validation',
  not_found: 'Validation',
  idempotency_conflict: 'Validation',
  space_changed: 'Backend',
  rate_limited: 'Overloaded',
  not_supported: 'Backend',
  unsupported_operation: 'Validation',
  method_not_allowed: 'Validation',
  invalid_signature: 'Validation',
  already_exists: 'Validation',
  file_quota_exceeded: 'Validation',
  range_not_satisfiable: 'Validation',
  body_too_large: 'Validation',
  unsupported_encoding: 'Validation',
  invalid_url: 'Validation',
  download_failed: 'Validation',
  invalid_media: 'Validation',
  engine_failed: 'Backend',
  internal: 'Backend',
  timed_out: 'Backend',
  not_ready: 'Unhealthy',
  overloaded: 'Overloaded',
}

/** Neutral → wire. */
export function encodeError(error: ApiError): ErrorBody {
  return { error: messageOf(error, 'tei'), error_type: TEI_ERROR_TYPE[error.row] }
}

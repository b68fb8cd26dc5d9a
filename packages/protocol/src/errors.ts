/**
 * The one table of errors: the only place where a status or a wire code is written.
 *
 * Each row cites what decided its literals: a section of the DashScope documentation, a reply of the live service
 * seen in the field, or the OpenAI error guide where DashScope has no code of its own. `docs/errors.md` is held
 * against this table by a test.
 */

type ErrorRow = readonly [
  status: number,
  dashscopeCode: string,
  openaiType: string,
  openaiCode: string,
  isRetryable: boolean,
]

export const ERRORS = {
  //                     HTTP DashScope code           OpenAI type              OpenAI code                retry
  // DashScope error page, «InvalidParameter»; compatible mode repeats the native code (field reports of batch size 10).
  invalid_parameter: [400, 'InvalidParameter', 'InvalidParameter', 'InvalidParameter', false],
  // «Required body invalid, please check the request body format.»
  invalid_body: [400, 'InvalidParameter', 'invalid_request_error', 'invalid_parameter_error', false],
  // Bytes that are no HTTP request; no DashScope row.
  malformed_http: [400, 'InvalidParameter', 'invalid_request_error', 'malformed_http', false],
  // «Required parameter "model" missing from request.»
  missing_model: [400, 'BadRequest.EmptyModel', 'invalid_request_error', 'invalid_parameter_error', false],
  // «Required input parameter missing from request.»
  missing_input: [400, 'BadRequest.EmptyInput', 'invalid_request_error', 'invalid_parameter_error', false],
  // «Invalid API-key provided.» / «Incorrect API key provided. »
  invalid_api_key: [401, 'InvalidApiKey', 'invalid_request_error', 'invalid_api_key', false],
  // «current user api does not support asynchronous calls.»
  access_denied: [403, 'AccessDenied', 'invalid_request_error', 'access_denied', false],
  // «current user api does not support synchronous calls.» / «Unsupported model xxx for OpenAI compatibility mode.»
  asynchronous_only: [404, 'AccessDenied', 'invalid_request_error', 'model_not_supported', false],
  // Native «Model not exist.» is a 400; compatible mode answers 404 with model_not_found. See `OTHER_STATUS`.
  model_not_found: [404, 'InvalidParameter', 'invalid_request_error', 'model_not_found', false],
  not_found: [404, 'NotFound', 'invalid_request_error', 'not_found', false],
  // The path is known, and the model behind it cannot do that; only dialects that promise more than this server have it.
  not_supported: [400, 'InvalidParameter', 'invalid_request_error', 'not_supported', false],
  // «Failed to cancel the task, please confirm if the task is in PENDING status.»
  unsupported_operation: [400, 'UnsupportedOperation', 'invalid_request_error', 'unsupported_operation', false],
  // No DashScope row; the status is HTTP's own (RFC 9110 §15.5.6).
  method_not_allowed: [405, 'InvalidParameter', 'invalid_request_error', 'method_not_allowed', false],
  // OSS: «The signature does not match»; no DashScope row.
  invalid_signature: [403, 'AccessDenied', 'invalid_request_error', 'invalid_signature', false],
  // OSS «FileAlreadyExists»: a form that forbids overwriting was sent twice.
  already_exists: [409, 'InvalidParameter', 'invalid_request_error', 'already_exists', false],
  // «Upload file capacity exceed limit.» / «Upload file number exceed limit.»; the documentation gives no code.
  file_quota_exceeded: [400, 'InvalidParameter', 'invalid_request_error', 'file_quota_exceeded', false],
  // No DashScope row; the status is HTTP's own (RFC 9110 §15.5.17).
  range_not_satisfiable: [416, 'InvalidParameter', 'invalid_request_error', 'range_not_satisfiable', false],
  // «Payload Too Large»
  body_too_large: [413, 'BadRequest.TooLarge', 'invalid_request_error', 'payload_too_large', false],
  // No DashScope row; the status is HTTP's own (RFC 9110 §15.5.16).
  unsupported_encoding: [415, 'InvalidParameter', 'invalid_request_error', 'unsupported_media_type', false],
  // «Required URL is missing or invalid, please check the request URL.»
  invalid_url: [400, 'InvalidURL', 'invalid_request_error', 'invalid_url', false],
  // «Failed to download the input file: xxx»; 415 in the general list, 400 on the pages of the endpoints that fetch.
  download_failed: [400, 'BadRequest.InputDownloadFailed', 'invalid_request_error', 'download_failed', false],
  // «The media format is not supported or incorrect for the data inspection.»
  invalid_media: [400, 'InvalidParameter.DataInspection', 'invalid_request_error', 'invalid_media', false],
  // A key of a repeated submission came with another body: draft-ietf-httpapi-idempotency-key-header, §2.7.
  idempotency_conflict: [422, 'InvalidParameter', 'invalid_request_error', 'idempotency_conflict', false],
  // Ours: the rest of a job would be in another vector space than what was computed; only jobs and their lines fail so.
  space_changed: [409, 'SpaceChanged', 'invalid_request_error', 'space_changed', false],
  // «Requests rate limit exceeded, please try again later.» / «Requests throttling triggered.»
  rate_limited: [429, 'Throttling.RateQuota', 'rate_limit_error', 'limit_requests', true],
  // «An internal error has occured, please try again later or contact service support.»
  engine_failed: [500, 'InternalError.Algo', 'server_error', 'internal_error', true],
  internal: [500, 'InternalError', 'server_error', 'internal_error', true],
  // «Request timed out, please try again later.» The older table had 408, the newer one has 500.
  timed_out: [500, 'RequestTimeOut', 'server_error', 'request_timeout', true],
  // The same words, while the server starts or stops.
  not_ready: [503, 'ModelUnavailable', 'server_error', 'model_unavailable', true],
  // «Model is unavailable, please try again later.»
  overloaded: [503, 'ModelUnavailable', 'server_error', 'model_unavailable', true],
} as const satisfies Record<string, ErrorRow>

export type ErrorName = keyof typeof ERRORS

/** The wire shapes an error can take; chosen from the route. */
export type Dialect = 'dashscope' | 'openai' | 'tei' | 'ollama' | 'cohere' | 'oss'

/** Where a dialect's status is not the table's. */
const OTHER_STATUS: Partial<Record<Dialect, Partial<Record<ErrorName, number>>>> = {
  // Native «Model not exist.» is a 400; compatible mode answers 404 with model_not_found.
  dashscope: { model_not_found: 400, asynchronous_only: 403 },
  // text-embeddings-inference 1.9.3, router/src/http/server.rs, `From<&ErrorType> for StatusCode`.
  tei: {
    invalid_parameter: 422,
    not_supported: 424,
    engine_failed: 424,
    timed_out: 424,
    overloaded: 429,
  },
}

export interface ApiErrorOptions extends ErrorOptions {
  /** The field at fault, as the caller wrote it: `input[3]`, `parameters.dimension`. */
  param?: string
  /** Seconds after which a retry makes sense; sent as `Retry-After`. */
  retryAfterSeconds?: number
  /** The wording of one dialect where the two services differ. */
  messages?: Partial<Record<Dialect, string>>
}

/** A fault that the caller can act on. `name` picks the row of {@link ERRORS}; the message reaches the caller. */
export class ApiError extends Error {
  readonly row: ErrorName
  readonly param: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly messages: Partial<Record<Dialect, string>>

  constructor(row: ErrorName, message: string, options: ApiErrorOptions = {}) {
    super(message, options)
    this.name = 'ApiError'
    this.row = row
    this.param = options.param
    this.retryAfterSeconds = options.retryAfterSeconds
    this.messages = options.messages ?? {}
  }
}

/** HTTP status of a row in a dialect: the table's, but for the few of {@link OTHER_STATUS}. */
export function statusOf({ row }: { row: ErrorName }, dialect: Dialect): number {
  return OTHER_STATUS[dialect]?.[row] ?? ERRORS[row][0]
}

/**
 * A fault in the words of the live service.
 *
 * Its own two dialects show them behind the prefix that programs search for; to the clients of others that is noise.
 */
export function invalidInput(detail: string, param: string): ApiError {
  const prefixed = `<400> InternalError.Algo.InvalidParameter: ${detail}`
  return new ApiError('invalid_parameter', detail, { param, messages: { dashscope: prefixed, openai: prefixed } })
}

/** The message as this dialect's service words it. */
export function messageOf(error: ApiError, dialect: Dialect): string {
  return error.messages[dialect] ?? error.message
}

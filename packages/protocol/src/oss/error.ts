import { z } from 'zod'
import { type ApiError, ERRORS, type ErrorName, messageOf } from '../errors.js'

/** Error body of object storage (OSS, and S3 before it), which is XML: an `Error` with these elements. */
export const ErrorBody = z.object({ Code: z.string(), Message: z.string(), RequestId: z.string() }).meta({
  xml: { name: 'Error' },
})
export type ErrorBody = z.output<typeof ErrorBody>

/** Codes of OSS (its error reference, «Common error codes»), where a row has one of its own. */
const OSS_CODE: Partial<Record<ErrorName, string>> = {
  access_denied: 'AccessDenied',
  invalid_signature: 'SignatureDoesNotMatch',
  not_found: 'NoSuchKey',
  already_exists: 'FileAlreadyExists',
  range_not_satisfiable: 'InvalidRange',
  body_too_large: 'EntityTooLarge',
  method_not_allowed: 'MethodNotAllowed',
  invalid_body: 'MalformedPOSTRequest',
  file_quota_exceeded: 'QuotaExceeded',
  timed_out: 'RequestTimeout',
  overloaded: 'ServiceUnavailable',
  not_ready: 'ServiceUnavailable',
}

/** Neutral → wire. */
export function encodeError(error: ApiError, requestId: string): ErrorBody {
  const fallback = ERRORS[error.row][0] >= 500 ? 'InternalError' : 'InvalidArgument'
  return { Code: OSS_CODE[error.row] ?? fallback, Message: messageOf(error, 'oss'), RequestId: requestId }
}

/** The XML of an error; characters that XML has no way to write become spaces. */
export function writeError(body: ErrorBody): string {
  const elements = Object.entries(body).map(([name, text]) => `  <${name}>${escapeXml(text)}</${name}>`)
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<Error>', ...elements, '</Error>', ''].join('\n')
}

function escapeXml(text: string): string {
  return text
    .replace(/\p{Cc}|\p{Cs}|[\ufffe\uffff]/gu, ' ')
    .replace(/[<>&'"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

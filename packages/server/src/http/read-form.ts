import type { IncomingMessage } from 'node:http'
import type {} from '@fastify/multipart' // `isMultipart` and `parts` of a request
import { ApiError } from '@quiver/protocol'
import type { FastifyRequest } from 'fastify'

/** One part of a form. The bytes of a file must have been read before the next part is asked for. */
export type FormPart =
  | { kind: 'field'; name: string; value: string }
  | { kind: 'file'; name: string; filename: string; bytes: AsyncIterable<Uint8Array> }

/** Of one form. The largest honest field is the policy of an upload, about 1,000 characters. */
export const FORM_LIMITS = {
  fieldNameSize: 100,
  fieldSize: 16_384,
  fields: 30,
  files: 1,
  parts: 31,
  headerPairs: 50,
  fileSize: Number.POSITIVE_INFINITY, // what takes the bytes counts them
}

/** What a form may have besides its file. */
const MAX_OTHER_BYTES = 1024 * 1024

/** What is left of a body whose answer was given early is read this long, so that the client gets to read the answer. */
const LINGER_MS = 10_000

/**
 * The parts of a multipart form, in the order in which they arrive; nothing is buffered but fields.
 *
 * @throws {ApiError} `body_too_large` before anything is read, where the form says so itself; `invalid_body` for what is no such form, is cut off, or has too many or too long fields.
 */
export async function* readForm(
  request: FastifyRequest,
  { maxFileBytes }: { maxFileBytes: number },
): AsyncGenerator<FormPart> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > maxFileBytes + MAX_OTHER_BYTES) {
    throw new ApiError(
      'body_too_large',
      `Payload Too Large: a file may have ${maxFileBytes} bytes, the form has ${announced}.`,
    )
  }
  if (!request.isMultipart()) {
    throw invalidForm('send multipart/form-data, not another content type')
  }
  try {
    for await (const part of request.parts()) {
      if (part.type === 'file') {
        yield { kind: 'file', name: part.fieldname, filename: part.filename ?? '', bytes: translated(part.file) }
        continue
      }
      if (typeof part.value !== 'string' || part.valueTruncated === true || part.fieldnameTruncated === true) {
        throw invalidForm(`a field is a text of at most ${FORM_LIMITS.fieldSize} bytes, under a name of at most 100`)
      }
      yield { kind: 'field', name: part.fieldname, value: part.value }
    }
  } catch (error) {
    throw toFormError(error)
  }
}

/** Errors of the parser surface in whatever reads the file at that moment. */
async function* translated(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw toFormError(error)
  }
}

function toFormError(error: unknown): unknown {
  if (error instanceof ApiError) return error
  return invalidForm('it is cut off, malformed, or has too many parts', error)
}

function invalidForm(reason: string, cause?: unknown): ApiError {
  return new ApiError(
    'invalid_body',
    `Required body invalid, please check the request body format: ${reason}.`,
    cause === undefined ? {} : { cause },
  )
}

/** The answer is out; what still comes of the body is dropped, and a sender that does not end is cut off. */
export function readRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return
  request.unpipe()
  request.resume()
  const { socket } = request
  const cut = setTimeout(() => socket.destroy(), LINGER_MS)
  request.once('close', () => clearTimeout(cut))
}

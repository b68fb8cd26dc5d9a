import { randomUUID } from 'node:crypto'
import { type IncomingMessage, maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import { ApiError, openai, statusOf } from '@quiver/protocol'

/** Why Node's parser gave up, where there is more to say than that it did. */
const REASONS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: `its head has more than ${maxHeaderSize} bytes`,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'its chunk extensions are too long',
  ERR_HTTP_REQUEST_TIMEOUT: 'it took too long to arrive',
}

/** Bytes that are no HTTP request get a JSON error too; their dialect is unknown, so it is OpenAI's. */
export function answerMalformedHttp(cause: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const error = malformed(REASONS[cause.code ?? ''])
  const requestId = randomUUID()
  const body = JSON.stringify(openai.encodeError(error, requestId))
  const head = [
    `HTTP/1.1 ${statusOf(error, 'openai')} Bad Request`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** HTTP/1.1 asks for a Host header (RFC 9112 §3.2). @throws {ApiError} `malformed_http` */
export function checkHost({ httpVersion, headers }: IncomingMessage): void {
  if (httpVersion === '1.1' && headers.host === undefined) throw malformed('it has no Host header')
}

function malformed(reason: string | undefined): ApiError {
  return new ApiError('malformed_http', `Malformed HTTP request${reason === undefined ? '' : `: ${reason}`}.`)
}

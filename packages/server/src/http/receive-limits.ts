import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerMalformedHttp } from './malformed-http.js'

/** A body that is buffered must have come by then; slower senders are cut off so that they cannot hold connections. */
const RECEIVE_TIMEOUT_MS = 60_000
/** A file may take long, but not stand still. */
const STALL_TIMEOUT_MS = 60_000

/** How long a sender may take. Both ways end with the answer. */
export function limitReceiving(
  request: IncomingMessage,
  response: ServerResponse,
  { form, isBytes }: { form?: unknown; isBytes?: boolean },
): void {
  if (form !== undefined || isBytes === true) {
    // Without a listener the server destroys a connection on which nothing moves.
    response.setTimeout(STALL_TIMEOUT_MS)
    return
  }
  // A pipelined request may outlive its connection, and is not told again that it is closed.
  if (request.method === 'GET' || request.complete || request.destroyed) return
  const late = setTimeout(() => {
    if (request.complete) return
    answerMalformedHttp(Object.assign(new Error('slow body'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), request.socket)
  }, RECEIVE_TIMEOUT_MS)
  request.once('close', () => clearTimeout(late))
}

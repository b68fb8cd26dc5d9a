import type { IncomingMessage, ServerResponse } from 'node:http'

/** Nobody is left to read the answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/**
 * Aborts when the connection closes before the answer has been sent ({@link ClientGone}), or when the request has
 * taken too long (a `TimeoutError`). The timer ends with the answer, so that finished requests leave nothing behind.
 */
export function requestSignal(response: ServerResponse, timeoutMs: number): AbortSignal {
  const controller = new AbortController()
  const deadline = setTimeout(
    () => controller.abort(new DOMException(`the request took longer than ${timeoutMs} ms`, 'TimeoutError')),
    timeoutMs,
  )
  // Comes after every answer too, also on a connection that is kept.
  response.once('close', () => {
    clearTimeout(deadline)
    if (!response.writableFinished) controller.abort(new ClientGone('the client has gone'))
  })
  return controller.signal
}

/** Whether an error says no more than that the client went: while it waited, or while it was still sending. */
export function isClientGone(error: unknown, request: IncomingMessage): boolean {
  if (error instanceof ClientGone) return true
  return request.destroyed && error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
}

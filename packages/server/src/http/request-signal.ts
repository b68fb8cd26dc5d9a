import type { IncomingMessage, ServerResponse } from 'node:http'

/** Nobody is left to read the answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/**
 * Aborts when the connection closes before the answer has been sent ({@link ClientGone}), or when the request has
 * taken too long (a `TimeoutError`). The timer ends with the answer or the connection, so that requests leave nothing
 * behind.
 */
export function requestSignal({ socket }: IncomingMessage, response: ServerResponse, timeoutMs: number): AbortSignal {
  const controller = new AbortController()
  const deadline = setTimeout(
    () => controller.abort(new DOMException(`the request took longer than ${timeoutMs} ms`, 'TimeoutError')),
    timeoutMs,
  )
  const end = () => {
    clearTimeout(deadline)
    socket.off('close', end)
    if (!response.writableFinished) controller.abort(new ClientGone('the client has gone'))
  }
  // Comes after every answer, also on a connection that is kept; but not for one that still waits for those before it
  // on its connection, nor for one whose connection has closed already. For these there is the socket.
  response.once('close', end)
  if (response.socket === null) {
    socket.setMaxListeners(0) // as many requests may wait as the client has sent
    socket.once('close', end)
  }
  if (socket.destroyed) end()
  return controller.signal
}

/** Whether an error says no more than that the client went: while it waited, or while it was still sending. */
export function isClientGone(error: unknown, request: IncomingMessage): boolean {
  if (error instanceof ClientGone) return true
  return request.destroyed && error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
}

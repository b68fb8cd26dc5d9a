import type { IncomingMessage } from 'node:http'

/** How much longer a client may go on sending to a server that has answered already. */
export interface LingerLimits {
  totalMs: number
  /** Without a byte. */
  silenceMs: number
  bytes: number
}

/** The times are nginx's (`lingering_time`, `lingering_timeout`); the bytes cost a fraction of a second to drop. */
const LIMITS: LingerLimits = { totalMs: 30_000, silenceMs: 5_000, bytes: 268_435_456 }

/**
 * To be called before a request is answered whose body has not been read to its end, and will not be.
 *
 * Most clients read no answer before they have sent everything. A socket that is closed while bytes come in is reset, and
 * a reset takes away the answer that was already on its way. So what comes is read and dropped; a connection that ends
 * with the answer is closed in the other direction only, until the client does the same (RFC 9112 §9.6) or goes beyond
 * the limits.
 */
export function linger(request: IncomingMessage, limits: LingerLimits = LIMITS): void {
  const { socket } = request
  if (socket.destroyed) return // a pipelined request may outlive its connection, whose end nothing would tell us again
  const giveUp = () => socket.destroy()
  const deadline = setTimeout(giveUp, limits.totalMs)
  const silence = setTimeout(giveUp, limits.silenceMs)
  const stop = () => {
    clearTimeout(deadline)
    clearTimeout(silence)
    socket.off('close', stop)
  }
  let left = limits.bytes
  request.on('data', ({ length }: Buffer) => {
    left -= length
    if (left < 0) giveUp()
    silence.refresh()
  })
  socket.once('close', stop)
  // What Node calls behind the last answer of a connection. It would end both directions.
  const destroySoon = socket.destroySoon
  socket.destroySoon = () => socket.end()
  request.once('end', () => {
    stop()
    socket.destroySoon = destroySoon
    // All has been read, so there is nothing left to be reset for.
    if (socket.writableEnded) socket.destroySoon()
  })
}

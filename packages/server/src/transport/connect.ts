import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { hostOf, portOf } from './url-parts.js'

export interface ConnectOptions {
  signal: AbortSignal
  /** Name, handshake and all. */
  connectMs: number
  /** Resolves the host; absent: the system's own. */
  lookup?: LookupFunction
  /** Certificate authority besides the usual ones. */
  ca?: string | undefined
  /** A connection that leads to the host already; TLS goes over it. */
  over?: Socket
}

/**
 * A connection to the host of a URL, over TLS where the URL says so.
 *
 * @throws whatever Node.js throws; an AbortError when the signal aborts, then or later.
 */
export function connect(url: URL, { signal, connectMs, lookup, ca, over }: ConnectOptions): Promise<Socket> {
  const isSecure = url.protocol === 'https:'
  if (over !== undefined && !isSecure) return Promise.resolve(over)
  const host = hostOf(url)
  const place = over === undefined ? { host, port: portOf(url), ...(lookup && { lookup }) } : { host, socket: over }
  return new Promise((resolve, reject) => {
    const socket: Socket =
      'socket' in place || isSecure
        ? connectTls({ ...place, ...(isIP(host) === 0 && { servername: host }), ...(ca !== undefined && { ca }) })
        : connectTcp(place)
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs)
    addAbortSignal(signal, socket)
    socket.once('close', () => clearTimeout(timer))
    // It may also break later, when nobody waits for it: what uses it is told by other ways.
    socket.on('error', reject)
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
  })
}

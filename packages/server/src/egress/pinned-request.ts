import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { hostOf, portOf } from './check-url.js'

export interface PinnedRequest {
  /** The only addresses that are connected to, in this order. */
  addresses: readonly string[]
  headers: Readonly<Record<string, string>>
  /** POST this instead of GET. */
  body?: string
  signal: AbortSignal
  connectMs: number
  /** From the connection to the end of the response's head. */
  headMs: number
  /** Certificate authority besides the usual ones. */
  ca?: string
}

/** An answer whose head has come. The connection is its own, and ends with it. */
export interface PinnedResponse {
  status: number
  /** Lower-case names; each value that was sent. */
  headers: Readonly<Record<string, readonly string[]>>
  body: IncomingMessage
  /** End the transfer, wherever it is. */
  close(): void
}

const MAX_HEAD_BYTES = 16 * 1024

/**
 * One request over a connection of its own, to addresses that were checked before. Host header and TLS name stay the URL's.
 * No redirect is followed, nothing decompressed, no proxy asked.
 *
 * By node:http and not by undici, which carries the other requests of this server: undici 7 ends the process when a server
 * closes its connection while the reader is slower than it (nodejs/undici#5360), and who these servers are, callers decide.
 *
 * @throws whatever Node.js throws; the signal's reason or an AbortError when it aborts.
 */
export async function pinnedRequest(url: URL, options: PinnedRequest): Promise<PinnedResponse> {
  const { headers, body, signal, headMs } = options
  const socket = await openConnection(url, options)
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    const request = send({
      method: body === undefined ? 'GET' : 'POST',
      hostname: hostOf(url),
      port: portOf(url),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host, connection: 'close' },
      maxHeaderSize: MAX_HEAD_BYTES,
      signal,
      createConnection: () => socket,
    })
    const silence = setTimeout(() => request.destroy(new Error(`no answer within ${headMs} ms`)), headMs)
    // An error may also come later, when nobody waits for it: what reads the body is told by the body.
    request.on('error', reject)
    request.on('close', () => clearTimeout(silence))
    request.on('upgrade', () => {
      socket.destroy()
      reject(new Error('the server wants to speak another protocol'))
    })
    request.on('response', (response) => {
      clearTimeout(silence)
      // A deadline that passes before anyone reads the body must not end the process as an error nobody listened to.
      response.on('error', () => {})
      resolve({
        status: response.statusCode ?? 0,
        headers: Object.fromEntries(
          Object.entries(response.headersDistinct).map(([name, values]) => [name, values ?? []]),
        ),
        body: response,
        close: () => void request.destroy(),
      })
    })
    request.end(body)
  })
}

/** A connection to one of the addresses, over TLS where the URL says so. */
function openConnection(url: URL, { addresses, signal, connectMs, ca }: PinnedRequest): Promise<Socket> {
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  const lookup: LookupFunction = (_host, { all }, callback) => {
    if (all === true) callback(null, found)
    else callback(null, found[0]?.address ?? '', found[0]?.family ?? 0)
  }
  const host = hostOf(url)
  const place = { host, port: portOf(url), lookup }
  const isSecure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const socket: Socket = isSecure
      ? connectTls({ ...place, ...(isIP(host) === 0 && { servername: host }), ...(ca !== undefined && { ca }) })
      : connectTcp(place)
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs)
    addAbortSignal(signal, socket)
    socket.once('close', () => clearTimeout(timer))
    socket.on('error', reject)
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      // A second fence, should a later Node.js connect in another way.
      if (addresses.includes(socket.remoteAddress ?? '')) resolve(socket)
      else socket.destroy(new Error('connected to an address that was not checked'))
    })
  })
}

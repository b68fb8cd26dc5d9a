import type { IncomingMessage } from 'node:http'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import { connect } from '../transport/connect.js'
import { exchange } from '../transport/exchange.js'

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

/**
 * One request over a connection of its own, to addresses that were checked before. Host header and TLS name stay the URL's.
 * No redirect is followed, nothing decompressed, no proxy asked.
 *
 * @throws whatever Node.js throws; the signal's reason or an AbortError when it aborts.
 */
export async function pinnedRequest(url: URL, options: PinnedRequest): Promise<PinnedResponse> {
  const connection = await connectPinned(url, options)
  const { response, close } = await exchange(url, { ...options, connection })
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(Object.entries(response.headersDistinct).map(([name, values]) => [name, values ?? []])),
    body: response,
    close,
  }
}

async function connectPinned(url: URL, { addresses, ...options }: PinnedRequest): Promise<Socket> {
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  const lookup: LookupFunction = (_host, { all }, callback) => {
    if (all === true) callback(null, found)
    else callback(null, found[0]?.address ?? '', found[0]?.family ?? 0)
  }
  const socket = await connect(url, { ...options, lookup })
  // A second fence, should a later Node.js connect in another way.
  if (addresses.includes(socket.remoteAddress ?? '')) return socket
  socket.destroy()
  throw new Error('connected to an address that was not checked')
}

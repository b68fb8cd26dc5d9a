import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import { hostOf, portOf } from './url-parts.js'

export interface ExchangeOptions {
  /** Leads to the URL's host; it ends with the exchange. */
  connection: Socket
  headers: Readonly<Record<string, string>>
  /** POST this instead of GET. */
  body?: string | undefined
  signal: AbortSignal
  /** From the request to the end of the answer's head. */
  headMs: number
}

/** An answer whose head has come. */
export interface Exchange {
  response: IncomingMessage
  /** End the transfer, wherever it is. */
  close(): void
}

const MAX_HEAD_BYTES = 16 * 1024

/**
 * One request and the head of its answer. No redirect is followed, nothing decompressed.
 *
 * By node:http and not by undici: undici 7 ends the process when a server closes its connection while the reader is slower
 * than it, a full disk's for instance (nodejs/undici#5360); and many servers close behind the last byte.
 *
 * @throws whatever Node.js throws; the signal's reason or an AbortError when it aborts.
 */
export function exchange(url: URL, options: ExchangeOptions): Promise<Exchange> {
  const { connection, headers, body, signal, headMs } = options
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
      createConnection: () => connection,
    })
    const silence = setTimeout(() => request.destroy(new Error(`no answer within ${headMs} ms`)), headMs)
    // An error may also come later, when nobody waits for it: what reads the body is told by the body.
    request.on('error', reject)
    request.on('close', () => clearTimeout(silence))
    request.on('upgrade', () => {
      connection.destroy()
      reject(new Error('the server wants to speak another protocol'))
    })
    request.on('response', (response) => {
      clearTimeout(silence)
      // A deadline that passes before anyone reads the body must not end the process as an error nobody listened to.
      response.on('error', () => {})
      resolve({ response, close: () => void request.destroy() })
    })
    request.end(body)
  })
}

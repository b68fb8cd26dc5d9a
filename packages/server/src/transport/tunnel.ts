import { request } from 'node:http'
import type { Socket } from 'node:net'
import { type ConnectOptions, connect } from './connect.js'
import { hostOf, portOf } from './url-parts.js'

/**
 * A connection to the host of a URL through a proxy, which is told the host and the port and passes bytes on (CONNECT,
 * RFC 9110, 9.3.6). TLS, where the URL wants it, is with the host: the proxy reads nothing of that.
 *
 * @param proxy http or https; a user name and a password in it are for the proxy.
 */
export async function connectThrough(
  proxy: URL,
  url: URL,
  { signal, connectMs, ca }: Pick<ConnectOptions, 'signal' | 'connectMs' | 'ca'>,
): Promise<Socket> {
  const toProxy = await connect(proxy, { signal, connectMs, ca })
  const over = await openTunnel(proxy, `${url.hostname}:${portOf(url)}`, { toProxy, signal, connectMs })
  return connect(url, { signal, connectMs, ca, over })
}

function openTunnel(
  proxy: URL,
  target: string,
  { toProxy, signal, connectMs }: { toProxy: Socket; signal: AbortSignal; connectMs: number },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asking = request({
      method: 'CONNECT',
      hostname: hostOf(proxy),
      port: portOf(proxy),
      path: target,
      headers: { host: target, ...authorization(proxy) },
      signal,
      createConnection: () => toProxy,
    })
    const silence = setTimeout(
      () => asking.destroy(new Error(`no answer of the proxy within ${connectMs} ms`)),
      connectMs,
    )
    const refuse = (status: number | undefined) => {
      toProxy.destroy()
      reject(new Error(`the proxy ${proxy.host} answers ${status}`))
    }
    asking.on('error', reject)
    asking.on('close', () => clearTimeout(silence))
    asking.on('response', ({ statusCode }) => refuse(statusCode))
    asking.on('connect', ({ statusCode }, socket: Socket, head) => {
      clearTimeout(silence)
      if (statusCode !== 200) return refuse(statusCode)
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asking.end()
  })
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '') return {}
  const words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(words).toString('base64')}` }
}

import { once } from 'node:events'
import { createServer as createProxy, type IncomingMessage } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect as connectTcp, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { exchange } from './exchange.js'
import { TEST_CERTIFICATE } from './test-certificate.js'
import { connectThrough } from './tunnel.js'

const { signal } = new AbortController()
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close()
})

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port // a TCP server that listens has one
}

/** A proxy that leads every name to a port of this machine. */
async function proxyTo(port: number, seen: IncomingMessage[] = []): Promise<URL> {
  const proxy = createProxy().on('connect', (request: IncomingMessage, socket: Socket) => {
    seen.push(request)
    const onward = connectTcp(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    onward.on('error', () => socket.destroy()).pipe(socket)
    socket.on('error', () => onward.destroy()).pipe(onward)
  })
  return new URL(`http://us%65r:p%40ss@127.0.0.1:${await portOf(proxy)}`)
}

test('TLS is with the host, and the password for the proxy stays with the proxy', async () => {
  const received: (string | undefined)[] = []
  const hub = createSecureServer(TEST_CERTIFICATE, (request, response) => {
    received.push(request.headers['proxy-authorization'], request.headers.host)
    response.end('weights')
  })
  const seen: IncomingMessage[] = []
  const proxy = await proxyTo(await portOf(hub), seen)
  const url = new URL('https://files.example/model')
  const connection = await connectThrough(proxy, url, { signal, connectMs: 5_000, ca: TEST_CERTIFICATE.cert })
  const { response } = await exchange(url, { connection, headers: {}, signal, headMs: 5_000 })
  expect(String(Buffer.concat(await response.toArray()))).toBe('weights')
  expect(received).toEqual([undefined, 'files.example'])
  expect(seen.map(({ url: target }) => target)).toEqual(['files.example:443'])
  expect(seen[0]?.headers['proxy-authorization']).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`)
})

test('a certificate of another name is refused behind a proxy, too', async () => {
  const hub = createSecureServer(TEST_CERTIFICATE, (_request, response) => response.end('weights'))
  const proxy = await proxyTo(await portOf(hub))
  const connecting = connectThrough(proxy, new URL('https://other.example/'), {
    signal,
    connectMs: 5_000,
    ca: TEST_CERTIFICATE.cert,
  })
  await expect(connecting).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})

test.each([
  ['refuses', 'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n', /^the proxy .* answers 407$/],
  ['is silent', '', /^no answer of the proxy within 200 ms$/],
])('a proxy that %s', async (_name, answer, message) => {
  const proxy = createProxy().on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => {}).write(answer)
    closing.push(() => socket.destroy())
  })
  const address = new URL(`http://user:secret@127.0.0.1:${await portOf(proxy)}`)
  const connecting = connectThrough(address, new URL('http://hub.example/'), { signal, connectMs: 200 })
  await expect(connecting).rejects.toThrow(message)
  await expect(connecting).rejects.not.toThrow('secret')
})

test('an abort ends the way through a proxy', async () => {
  const proxy = createProxy().on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => {})
    controller.abort(new Error('enough'))
  })
  const controller = new AbortController()
  const address = new URL(`http://127.0.0.1:${await portOf(proxy)}`)
  const url = new URL('http://hub.example/')
  await expect(connectThrough(address, url, { signal: controller.signal, connectMs: 5_000 })).rejects.toThrow()
})

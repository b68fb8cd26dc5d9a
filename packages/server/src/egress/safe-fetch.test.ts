import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { ApiError } from '@quiver/protocol'
import { afterEach, describe, expect, test } from 'vitest'
import { TEST_CERTIFICATE } from '../transport/test-certificate.js'
import { parseAllowList } from './allow-list.js'
import type { ResolveHost } from './resolve-host.js'
import { createSafeFetch, type SafeFetchOptions, type SafeFetchSettings } from './safe-fetch.js'

const servers: { server: Server; sockets: Set<Socket> }[] = []
afterEach(async () => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** Listen on a loopback address; counts connections, so that a test can say that there was none. */
async function listen(server: Server, host = '127.0.0.1'): Promise<{ port: number; connections: () => number }> {
  let connections = 0
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {})
  })
  servers.push({ server, sockets })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return { port: (server.address() as AddressInfo).port, connections: () => connections } // it listens on TCP
}

const serve = (handler: RequestListener, host?: string) => listen(createServer(handler), host)

/** Every connection is answered with the same bytes, whatever was asked. */
const serveBytes = (answer: (socket: Socket) => void) =>
  listen(createSocketServer((socket) => socket.once('data', () => answer(socket))))

/** A resolver that knows some names; a list of lists is answered one after the other. */
function names(table: Record<string, string[] | string[][]>): ResolveHost & { asked: string[] } {
  const asked: string[] = []
  const resolve: ResolveHost = async (host) => {
    const known = table[host]
    if (known === undefined) throw new Error('ENOTFOUND')
    const turn = asked.filter((name) => name === host).length
    asked.push(host)
    const answer = known[Math.min(turn, known.length - 1)]
    return Array.isArray(answer) ? answer : (known as string[]) // a plain list when its elements are no lists
  }
  return Object.assign(resolve, { asked })
}

function fetcher({ allow = [], ...settings }: { allow?: string[] } & Partial<Omit<SafeFetchSettings, 'allow'>> = {}) {
  const safeFetch = createSafeFetch({ resolve: names({}), ...settings, allow: parseAllowList(allow) })
  return async (url: string, options: Partial<SafeFetchOptions> = {}) => {
    const { body, ...head } = await safeFetch(url, {
      maxBytes: 1_000_000,
      deadlineMs: 10_000,
      signal: new AbortController().signal,
      ...options,
    })
    const chunks = []
    for await (const chunk of body) chunks.push(chunk)
    return { ...head, text: Buffer.concat(chunks).toString() }
  }
}

const fetched = async (promise: Promise<unknown>): Promise<ApiError> => {
  try {
    await promise
  } catch (error) {
    expect(error).toBeInstanceOf(ApiError)
    return error as ApiError // checked on the line before
  }
  throw new Error('the fetch was expected to fail')
}

const UNREACHABLE =
  'Failed to download the input file: its host is unknown, or its address or port may not be reached from here.'

describe('addresses that are not public are refused without a connection', () => {
  const TABLE: Record<string, string[]> = {
    'private.example': ['10.1.2.3'],
    'loopback.example': ['127.0.0.1'],
    'loopback6.example': ['::1'],
    'mapped.example': ['::ffff:127.0.0.1'],
    'metadata.example': ['169.254.169.254'],
    'mixed.example': ['93.184.215.14', '10.0.0.1'],
    'mixed6.example': ['93.184.215.14', 'fd00::1'],
    'late.example': ['93.184.215.14', '2606:4700::1111', '192.168.0.1'],
    'nat64.example': ['64:ff9b::7f00:1'],
    'nothing.example': [],
    'garbage.example': ['not an address'],
    'zone.example': ['fe80::1%eth0'],
    localhost: ['127.0.0.1', '::1'],
    'localhost.': ['127.0.0.1'],
    'loopback.example.': ['127.0.0.1'],
    'xn--nxasmq6b.example': ['192.168.1.1'],
  }
  test.each([
    // IPv4, as it is and in every spelling that readers of URLs know
    'http://127.0.0.1:PORT/',
    'http://127.0.0.1.:PORT/',
    'http://127.1:PORT/',
    'http://127.0.1:PORT/',
    'http://2130706433:PORT/',
    'http://017700000001:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://0177.0.0.01:PORT/',
    'http://0x7f000001:PORT/',
    'http://0x7f.1:PORT/',
    'http://0x7f.0x0.0x0.0x1:PORT/',
    'http://0X7F.0.0.1:PORT/',
    'http://%31%32%37.0.0.1:PORT/',
    'http://１２７.０.０.１:PORT/',
    'http://①②⑦.⓪.⓪.①:PORT/',
    'http://127。0。0。1:PORT/',
    'http://127．0．0．1:PORT/',
    'http://0:PORT/',
    'http://0.0.0.0:PORT/',
    'http://0.1.2.3/',
    // special blocks
    'http://10.0.0.1/',
    'http://10.255.255.254/',
    'http://100.64.0.1/',
    'http://100.100.100.200/latest/meta-data/',
    'http://127.255.255.254/',
    'http://168.63.129.16/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/latest/meta-data/',
    'http://0xa9fea9fe/',
    'http://0251.0376.0251.0376/',
    'http://172.16.0.1/',
    'http://172.31.255.254/',
    'http://192.0.0.192/',
    'http://192.0.2.1/',
    'http://192.88.99.1/',
    'http://192.168.0.1/',
    'http://198.18.0.1/',
    'http://198.51.100.1/',
    'http://203.0.113.1/',
    'http://224.0.0.1/',
    'http://240.0.0.1/',
    'http://255.255.255.255/',
    // IPv6, and every form that embeds IPv4
    'http://[::1]:PORT/',
    'http://[0:0:0:0:0:0:0:1]:PORT/',
    'http://[::]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::ffff:7f00:1]:PORT/',
    'http://[::ffff:8.8.8.8]/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[64:ff9b::127.0.0.1]/',
    'http://[64:ff9b:1::10.0.0.1]/',
    'http://[2002:7f00:1::1]/',
    'http://[2001:0:7f00:1::1]/',
    'http://[2606:4700::5efe:127.0.0.1]/',
    'http://[2606:4700::200:5efe:127.0.0.1]/',
    'http://[fe80::1]/',
    'http://[fec0::1]/',
    'http://[fc00::1]/',
    'http://[fd00:ec2::254]/',
    'http://[ff02::1]/',
    'http://[2001:db8::1]/',
    'http://[3fff::1]/',
    'http://[100::1]/',
    'http://[5f00::1]/',
    'http://[4000::1]/',
    // names
    'http://localhost:PORT/',
    'http://localhost.:PORT/',
    'http://LOCALHOST:PORT/',
    'http://private.example/',
    'http://loopback.example/',
    'http://loopback.example./',
    'http://loopback6.example/',
    'http://mapped.example/',
    'http://metadata.example/',
    'http://mixed.example/',
    'http://mixed6.example/',
    'http://late.example/',
    'http://nat64.example/',
    'http://nothing.example/',
    'http://garbage.example/',
    'http://zone.example/',
    'http://unknown.example/',
    'http://βόλος.example/',
    // other ports of public addresses
    'http://8.8.8.8:22/',
    'http://8.8.8.8:6379/',
    'https://8.8.8.8:80443/'.replace('80443', '8443'),
  ])('%s', async (url) => {
    const server = await serve((_request, response) => response.end('inside'))
    const error = await fetched(fetcher({ resolve: names(TABLE) })(url.replace('PORT', String(server.port))))
    expect([error.row, error.message]).toEqual(['download_failed', UNREACHABLE])
    expect(server.connections()).toBe(0)
  })
})

describe('what is no plain http URL is refused unread', () => {
  test.each([
    '',
    'not a url',
    '/etc/passwd',
    'file:///etc/passwd',
    'file://localhost/etc/passwd',
    'gopher://127.0.0.1:6379/_INFO',
    'ftp://files.example/a.txt',
    'data:text/plain,hello',
    'blob:http://127.0.0.1/x',
    'javascript:alert(1)',
    'dict://127.0.0.1:11211/stat',
    'ws://127.0.0.1/',
    'unix:/var/run/docker.sock',
    'http+unix://%2Fvar%2Frun%2Fdocker.sock/info',
    'http://',
    'http://?x',
    'http://user@files.example/',
    'http://user:secret@files.example/',
    'http://:secret@files.example/',
    'http://files.example@127.0.0.1/',
    'http://127.0.0.1\\@files.example/',
    'http:\\\\127.0.0.1\\',
    'http://files.example\\.127.0.0.1/',
    'http://files.example/\r\nHost: 127.0.0.1',
    'http://files.example/a b',
    'http://files\t.example/',
    ' http://files.example/',
    'http://files.example/\0',
    'http://files.example:99999/',
    'http://files.example:port/',
    'http://[::1/',
    'http://[fe80::1%25eth0]/',
    'http://256.256.256.256/',
    'http://1.2.3.4.5/',
    'http://0x100000000/',
    'http://%zz/',
    'http://a%00b/',
    `http://files.example/${'a'.repeat(9_000)}`,
  ])('%j', async (url) => {
    const error = await fetched(fetcher()(url, { param: 'input.url' }))
    expect([error.row, error.param]).toEqual(['invalid_url', 'input.url'])
    expect(error.message).toMatch(/^Required URL is missing or invalid, please check the request URL: /)
    expect(error.message).not.toContain('secret')
  })
})

describe('an allowed file', () => {
  test('is fetched with its own host name, without cookies or credentials', async () => {
    let asked: Record<string, unknown> = {}
    const { port } = await serve((request, response) => {
      asked = { url: request.url, ...request.headers }
      response.setHeader('x-kind', 'text').end('风急天高')
    })
    const resolve = names({ 'files.example': ['127.0.0.1'] })
    const got = await fetcher({ resolve, allow: ['127.0.0.0/8:*'] })(`http://files.example:${port}/a?b=c#d`)
    expect(got).toMatchObject({ status: 200, text: '风急天高', finalUrl: `http://files.example:${port}/a?b=c#d` })
    expect(got.headers['x-kind']).toBe('text')
    expect(asked).toEqual({
      url: '/a?b=c',
      host: `files.example:${port}`,
      connection: expect.any(String),
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': 'quiver',
    })
  })

  test('over TLS, the name is checked and sent; the address does not matter', async () => {
    let serverName: unknown
    const { port } = await listen(
      createTlsServer(TEST_CERTIFICATE, (request, response) => {
        serverName = (request.socket as unknown as { servername: unknown }).servername // of a TLS server's socket
        response.end('safe')
      }),
    )
    const resolve = names({ 'files.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] })
    const get = fetcher({ resolve, allow: ['127.0.0.1:*'], ca: TEST_CERTIFICATE.cert })
    expect((await get(`https://files.example:${port}/`)).text).toBe('safe')
    expect(serverName).toBe('files.example')
    const wrongName = await fetched(get(`https://other.example:${port}/`))
    expect(wrongName.message).toBe('Failed to download the input file: it could not be fetched.')
    const unknownIssuer = await fetched(fetcher({ resolve, allow: ['127.0.0.1:*'] })(`https://files.example:${port}/`))
    expect(unknownIssuer.message).toBe('Failed to download the input file: it could not be fetched.')
  })

  test('a host that the operator named is asked of the system and needs no public address', async () => {
    const { port } = await serve((_request, response) => response.end('inside'))
    const asked: boolean[] = []
    const resolve: ResolveHost = async (_host, { isOwn }) => {
      asked.push(isOwn)
      return ['127.0.0.1']
    }
    const get = fetcher({ resolve, allow: [`files.lan:${port}`] })
    expect((await get(`http://files.lan:${port}/`)).text).toBe('inside')
    expect((await get(`http://FILES.lan.:${port}/`)).text).toBe('inside')
    expect((await fetched(get(`http://x.files.lan:${port}/`))).row).toBe('download_failed')
    expect((await fetched(get('http://files.lan:1/'))).row).toBe('download_failed')
    expect(asked).toEqual([true, true, false, false])
  })

  test('the second of two addresses is tried where the first does not answer', async () => {
    const { port } = await serve((_request, response) => response.end('here'))
    const resolve = names({ 'files.example': ['127.0.0.9', '127.0.0.1'] })
    expect((await fetcher({ resolve, allow: ['127.0.0.0/8:*'] })(`http://files.example:${port}/`)).text).toBe('here')
  })
})

describe('names that change their answer (DNS rebinding)', () => {
  test('the name is asked once, and the connection goes to that answer', async () => {
    const inside = await serve((_request, response) => response.end('inside'), '127.0.0.2')
    const outside = createServer((_request, response) => response.end('outside'))
    servers.push({ server: outside, sockets: new Set() })
    await new Promise<void>((resolve) => outside.listen(inside.port, '127.0.0.1', resolve))
    const resolve = names({ 'rebind.example': [['127.0.0.1'], ['127.0.0.2']] })
    const get = fetcher({ resolve, allow: ['127.0.0.1:*'] })
    expect((await get(`http://rebind.example:${inside.port}/`)).text).toBe('outside')
    expect(resolve.asked).toEqual(['rebind.example'])
    expect((await fetched(get(`http://rebind.example:${inside.port}/`))).message).toBe(UNREACHABLE)
    expect(inside.connections()).toBe(0)
  })

  test('the same within redirects: each hop asks and checks anew', async () => {
    const inside = await serve((_request, response) => response.end('inside'), '127.0.0.2')
    const outside = createServer((request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/again' }).end()
      else response.end('outside')
    })
    servers.push({ server: outside, sockets: new Set() })
    await new Promise<void>((resolve) => outside.listen(inside.port, '127.0.0.1', resolve))
    const resolve = names({ 'rebind.example': [['127.0.0.1'], ['127.0.0.2']] })
    const error = await fetched(fetcher({ resolve, allow: ['127.0.0.1:*'] })(`http://rebind.example:${inside.port}/`))
    expect(error.message).toBe(UNREACHABLE)
    expect(inside.connections()).toBe(0)
  })
})

describe('redirects', () => {
  const redirecting = (location: (port: number) => string, status = 302) =>
    serve(function (this: Server, request, response) {
      const port = request.socket.localPort ?? 0
      if (request.url === '/end') response.end('end')
      else response.writeHead(status, { location: location(port) }).end('elsewhere')
    })
  const get = (settings: Parameters<typeof fetcher>[0] = {}) => fetcher({ allow: ['127.0.0.1:*'], ...settings })

  test.each([301, 302, 303, 307, 308])('%i is followed', async (status) => {
    const { port } = await redirecting(() => '/end', status)
    expect(await get()(`http://127.0.0.1:${port}/`)).toMatchObject({
      text: 'end',
      finalUrl: `http://127.0.0.1:${port}/end`,
    })
  })

  test.each([
    'http://127.0.0.2:PORT/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]:PORT/',
    'http://2130706434:PORT/',
    '//127.0.0.2:PORT/',
  ])('to %s is refused', async (location) => {
    const inside = await serve((_request, response) => response.end('inside'), '127.0.0.2')
    const { port } = await redirecting(() => location.replace('PORT', String(inside.port)))
    expect((await fetched(get()(`http://127.0.0.1:${port}/`))).message).toBe(UNREACHABLE)
    expect(inside.connections()).toBe(0)
  })

  test.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'http://a:b@127.0.0.1/',
    'http://127.0.0.1\\@x/',
    'http://[/',
  ])('to %s is refused', async (location) => {
    const { port } = await redirecting(() => location)
    expect((await fetched(get()(`http://127.0.0.1:${port}/`))).row).toBe('invalid_url')
  })

  test('a loop ends after three', async () => {
    let hops = 0
    const { port } = await redirecting(() => `/${++hops}`)
    expect((await fetched(get()(`http://127.0.0.1:${port}/`))).message).toContain('redirected more than 3 times')
    expect(hops).toBe(4)
  })

  test('from https to http is refused', async () => {
    const plain = await serve((_request, response) => response.end('plain'))
    const { port } = await listen(
      createTlsServer(TEST_CERTIFICATE, (_request, response) =>
        response.writeHead(302, { location: `http://127.0.0.1:${plain.port}/` }).end(),
      ),
    )
    const resolve = names({ 'files.example': ['127.0.0.1'] })
    const error = await fetched(get({ resolve, ca: TEST_CERTIFICATE.cert })(`https://files.example:${port}/`))
    expect(error.message).toContain('from https to http')
    expect(plain.connections()).toBe(0)
  })

  test('to nowhere is an error', async () => {
    const { port } = await serve((_request, response) => response.writeHead(302).end())
    expect((await fetched(get()(`http://127.0.0.1:${port}/`))).message).toContain('redirected to no single place')
  })
})

/** The best quality takes seconds. */
const brotli = (bytes: Buffer | string) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })

test('a POST carries its body and headers to one place, and follows no redirect', async () => {
  const bodies: string[] = []
  const server = await serve(async (request, response) => {
    let body = `${request.method} ${request.headers['x-signature']} `
    for await (const chunk of request) body += chunk
    bodies.push(body)
    if (request.url === '/') response.end('thanks')
    else response.writeHead(307, { location: '/' }).end()
  })
  const get = fetcher({ allow: ['127.0.0.1:*'] })
  const post = { body: '{"id":"batch_1"}', headers: { 'x-signature': 's' } }
  expect((await get(`http://127.0.0.1:${server.port}/`, { post })).text).toBe('thanks')
  const error = await fetched(get(`http://127.0.0.1:${server.port}/moved`, { post }))
  expect(error.message).toBe('Failed to download the input file: it was redirected.')
  expect(bodies).toEqual(Array(2).fill('POST s {"id":"batch_1"}'))
})

describe('hostile answers', () => {
  const get = fetcher({
    allow: ['127.0.0.1:*'],
    timeouts: { connectMs: 1_000, headMs: 1_000, idleMs: 1_000 },
    pace: { windowMs: 300, minBytes: 1_000 },
  })
  const failure = async (server: { port: number }, options?: Partial<SafeFetchOptions>) =>
    (await fetched(get(`http://127.0.0.1:${server.port}/`, options))).message.replace(
      'Failed to download the input file: ',
      '',
    )

  test('an endless body is cut at the limit', async () => {
    let sent = 0
    const server = await serve((_request, response) => {
      const pump = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536
      }
      response.on('drain', pump).on('error', () => {})
      pump()
    })
    expect(await failure(server, { maxBytes: 200_000 })).toBe('it has more than 200000 bytes.')
    expect(sent).toBeLessThan(50_000_000)
  })

  test('a body that says it is too long is not waited for', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-length': '1000001' }).write('x'),
    )
    expect(await failure(server)).toBe('it has more than 1000000 bytes.')
  })

  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotli],
  ])('%s is decompressed and counted', async (encoding, compress) => {
    const text = Array.from({ length: 50_000 }, (_, i) => `${i} `).join('')
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(compress(text)),
    )
    expect((await get(`http://127.0.0.1:${server.port}/`)).text).toBe(text)
    expect(await failure(server, { maxBytes: text.length - 1 })).toBe(`it has more than ${text.length - 1} bytes.`)
  })

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotli],
  ])('a bomb in %s goes off in the first megabytes', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(50_000_000))
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bomb),
    )
    expect(await failure(server, { maxBytes: 1e9 })).toBe('it is compressed more than 300 to 1.')
    expect(await failure(server, { maxBytes: 500_000 })).toBe('it has more than 500000 bytes.')
  })

  test.each(['gzip, gzip', 'zstd', 'compress', 'constructor', 'aws-chunked'])(
    'coding %s is refused',
    async (encoding) => {
      const server = await serve((_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end('x'),
      )
      expect(await failure(server)).toBe('its Content-Encoding is not gzip, deflate or br.')
    },
  )

  test.each([
    ['cut off', gzipSync('x'.repeat(1000)).subarray(0, 20)],
    ['no gzip', Buffer.from('this is not gzip')],
  ])('damaged gzip: %s', async (_kind, bytes) => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes),
    )
    expect(await failure(server)).toBe('it could not be fetched.')
  })

  test('a drip of bytes is given up', async () => {
    const server = await serve((_request, response) => {
      const drip = setInterval(() => response.write('x'), 50)
      response.on('close', () => clearInterval(drip))
    })
    expect(await failure(server)).toBe('it arrives too slowly.')
  })

  test('a drip within gzip is given up too', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(gzipSync('x').subarray(0, 10))
      const drip = setInterval(() => response.write(Buffer.from([0])), 50)
      response.on('close', () => clearInterval(drip))
    })
    expect(await failure(server)).toMatch(/^it (arrives too slowly|could not be fetched)\.$/)
  })

  test('a slow reader is not taken for a slow sender', async () => {
    const server = await serve((_request, response) => response.end(Buffer.alloc(500_000, 'x')))
    const safeFetch = createSafeFetch({
      allow: parseAllowList(['127.0.0.1:*']),
      resolve: names({}),
      pace: { windowMs: 20, minBytes: 1_000 },
    })
    const { signal } = new AbortController()
    const { body } = await safeFetch(`http://127.0.0.1:${server.port}/`, { maxBytes: 1e6, deadlineMs: 9_000, signal })
    let bytes = 0
    for await (const chunk of body) {
      bytes += chunk.length
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    expect(bytes).toBe(500_000)
  })

  // A client that lets go of its parser here ends the process, with an error that nobody can catch.
  test('a slow reader, and a server that has hung up: all of the body', async () => {
    const head = (more: string) => `HTTP/1.1 200 OK\r\n${more}Connection: close\r\n\r\n`
    const bytes = 400_000
    const length = await serveBytes((socket) => {
      socket.write(head(`Content-Length: ${bytes}\r\n`))
      socket.end(Buffer.alloc(bytes, 'x'))
    })
    const endless = await serveBytes((socket) => {
      socket.write(head(''))
      socket.end(Buffer.alloc(bytes, 'x'))
    })
    const safeFetch = createSafeFetch({ allow: parseAllowList(['127.0.0.1:*']), resolve: names({}) })
    const { signal } = new AbortController()
    for (const { port } of [length, endless]) {
      for (const beginsAfterMs of [0, 100]) {
        const { body } = await safeFetch(`http://127.0.0.1:${port}/`, { maxBytes: 1e6, deadlineMs: 9_000, signal })
        await new Promise((resolve) => setTimeout(resolve, beginsAfterMs))
        let received = 0
        for await (const chunk of body) {
          received += chunk.length
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        expect(received).toBe(bytes)
      }
    }
  })

  test('silence after the head, before it, and for longer than the deadline', async () => {
    const afterHead = await serve((_request, response) => response.write('x'))
    expect(await failure(afterHead)).toBe('it could not be fetched.')
    const beforeHead = await serve(() => {})
    expect(await failure(beforeHead)).toBe('it could not be fetched.')
    expect(await failure(beforeHead, { deadlineMs: 100 })).toBe('it took longer than 100 ms.')
    const forever = await serveBytes((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const drip = setInterval(() => socket.write('x: y\r\n'), 20)
      socket.on('close', () => clearInterval(drip))
    })
    expect(await failure(forever, { deadlineMs: 400 })).toMatch(/^it (took longer than 400 ms|could not be fetched)\.$/)
  })

  test('the deadline holds for the body as well', async () => {
    const server = await serve((_request, response) => {
      const drip = setInterval(() => response.write(Buffer.alloc(2_000)), 50)
      response.on('close', () => clearInterval(drip))
    })
    expect(await failure(server, { deadlineMs: 600 })).toBe('it took longer than 600 ms.')
  })

  test.each([
    ['more bytes than it says', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef', 'abc'],
    ['fewer bytes than it says', 'HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc', undefined],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 6\r\n\r\nabcdef', undefined],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\nabc', undefined],
    ['chunks cut off', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc', undefined],
    ['huge headers', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n\r\nabc`, undefined],
    ['many headers', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(9_000)}\r\nabc`, undefined],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', undefined],
    ['nothing at all', '', undefined],
    ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', undefined],
  ])('%s', async (_kind, bytes, text) => {
    const server = await serveBytes((socket) => socket.end(bytes))
    const url = `http://127.0.0.1:${server.port}/`
    if (text === undefined) expect((await fetched(get(url))).message).toContain('it could not be fetched.')
    else expect((await get(url)).text).toBe(text)
  })

  test.each([204, 400, 401, 403, 404, 416, 500, 503, 304])('status %i', async (status) => {
    const server = await serve((_request, response) => response.writeHead(status).end())
    if (status === 204) expect((await get(`http://127.0.0.1:${server.port}/`)).text).toBe('')
    else expect(await failure(server)).toBe(`its server answered with status ${status}.`)
  })

  test('a port where nobody listens is told in the same words as any other failure', async () => {
    const { port } = await serve(() => {})
    const last = servers.pop()
    await new Promise((resolve) => last?.server.close(resolve))
    expect(await failure({ port })).toBe('it could not be fetched.')
  })
})

describe('the caller', () => {
  test('gets its own reason when it aborts, before and during the body', async () => {
    const controller = new AbortController()
    const server = await serve((_request, response) => {
      response.write('x')
      setTimeout(() => controller.abort(new Error('no longer wanted')), 50)
    })
    const get = fetcher({ allow: ['127.0.0.1:*'] })
    const url = `http://127.0.0.1:${server.port}/`
    await expect(get(url, { signal: controller.signal })).rejects.toThrow('no longer wanted')
    await expect(get(url, { signal: controller.signal })).rejects.toThrow('no longer wanted')
    expect(server.connections()).toBe(1)
  })

  test('may stop reading; the connection is closed then', async () => {
    let isClosed = false
    const server = await serve((_request, response) => {
      response.on('close', () => {
        isClosed = true
      })
      response.write(Buffer.alloc(100_000))
    })
    const safeFetch = createSafeFetch({ allow: parseAllowList(['127.0.0.1:*']), resolve: names({}) })
    const { signal } = new AbortController()
    const { body } = await safeFetch(`http://127.0.0.1:${server.port}/`, { maxBytes: 1e6, deadlineMs: 9_000, signal })
    for await (const _ of body) break
    await expect.poll(() => isClosed).toBe(true)
  })

  test('may never read; the deadline closes the connection and nothing else happens', async () => {
    let isClosed = false
    const server = await serve((_request, response) => {
      response.on('close', () => {
        isClosed = true
      })
      response.write(Buffer.alloc(1_000_000))
    })
    const safeFetch = createSafeFetch({ allow: parseAllowList(['127.0.0.1:*']), resolve: names({}) })
    const { signal } = new AbortController()
    await safeFetch(`http://127.0.0.1:${server.port}/`, { maxBytes: 1e7, deadlineMs: 200, signal })
    await expect.poll(() => isClosed).toBe(true)
  })
})

import { once } from 'node:events'
import { createServer, IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { type LingerLimits, linger } from './linger.js'

const LIMITS: LingerLimits = { totalMs: 2_000, silenceMs: 2_000, bytes: 100_000_000 }
/** Far more than the buffers of both sockets together. */
const LARGE = 64 * 1024 * 1024
const CHUNK = Buffer.alloc(65_536, 'x')

let server: Server
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

/** A server that refuses every body without reading it, and a client that has sent the head of one. */
async function refuse(limits: LingerLimits, { framing = `Content-Length: ${LARGE}`, connection = 'close' } = {}) {
  server = createServer((request, response) => {
    linger(request, limits)
    response.writeHead(413, { connection, 'content-length': 2 }).end('no')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const served = once(server, 'connection') as Promise<[Socket]>
  const received: Buffer[] = []
  const errors: unknown[] = []
  socket.on('error', (error) => errors.push(error))
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`)
  // As most clients do: nothing is read before everything was sent.
  socket.pause()
  socket.on('data', (chunk) => received.push(chunk))
  socket.pause()
  const [own] = await served
  return { socket, own, errors, answer: () => Buffer.concat(received).toString() }
}

async function send(socket: Socket, bytes: number, frame: (chunk: Buffer) => Buffer = (chunk) => chunk) {
  for (let sent = 0; sent < bytes && socket.writable; sent += CHUNK.length) {
    if (socket.write(frame(CHUNK))) continue
    await new Promise<void>((resolve) => {
      const go = () => {
        socket.off('drain', go).off('close', go)
        resolve()
      }
      socket.on('drain', go).on('close', go)
    })
  }
}

const inChunks = (chunk: Buffer) => Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, CRLF])
const CRLF = Buffer.from('\r\n')

test.each([
  ['whose length is announced', `Content-Length: ${LARGE}`, undefined],
  ['in chunks', 'Transfer-Encoding: chunked', inChunks],
])('a client that first sends a large body %s, then reads, has the answer', async (_name, framing, frame) => {
  const { socket, errors, answer } = await refuse(LIMITS, { framing })
  await send(socket, LARGE, frame)
  if (frame !== undefined) socket.write('0\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
  expect(answer()).toMatch(/^HTTP\/1.1 413 [\s\S]*\r\n\r\nno$/)
  expect(errors).toEqual([])
})

test('a connection that is kept serves the next request', async () => {
  const { socket, answer } = await refuse(LIMITS, { framing: 'Content-Length: 65536', connection: 'keep-alive' })
  await send(socket, 65_536)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  socket.resume()
  await vi.waitFor(() => expect(answer().match(/HTTP\/1.1 413/g)).toHaveLength(2))
})

test('who sends more than is dropped is cut off', async () => {
  const { socket, own } = await refuse({ ...LIMITS, bytes: 1_000_000 })
  const closed = once(own, 'close')
  await send(socket, LARGE)
  await closed
  expect(own.bytesRead).toBeLessThan(8_000_000)
})

test('who falls silent is cut off', async () => {
  const { own } = await refuse({ ...LIMITS, silenceMs: 50 })
  const startedAt = performance.now()
  await once(own, 'close')
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})

test('who trickles is cut off when the time is up', async () => {
  const { socket, own } = await refuse({ ...LIMITS, totalMs: 200, silenceMs: 100 })
  const trickle = setInterval(() => socket.write('x'), 20)
  const startedAt = performance.now()
  await once(own, 'close')
  clearInterval(trickle)
  expect(performance.now() - startedAt).toBeGreaterThan(150)
  expect(performance.now() - startedAt).toBeLessThan(1_500)
})

test('a body that came whole leaves nothing behind', async () => {
  const { socket, own } = await refuse(LIMITS, { framing: 'Content-Length: 3', connection: 'keep-alive' })
  const listeners = own.listenerCount('close')
  for (let i = 0; i < 20; i++) {
    socket.write(i === 0 ? 'abc' : 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(own.listenerCount('close')).toBeLessThanOrEqual(listeners)
})

test('a request that outlived its connection is not waited for', async () => {
  const { own } = await refuse(LIMITS)
  own.destroy()
  const timers = vi.spyOn(globalThis, 'setTimeout')
  linger(new IncomingMessage(own))
  expect(timers).not.toHaveBeenCalled()
  timers.mockRestore()
})

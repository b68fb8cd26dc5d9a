import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { download } from './download.js'
import { createHttp } from './http.js'

const CONTENT = randomBytes(1_500_000)
const SHA256 = createHash('sha256').update(CONTENT).digest('hex')
const PATIENCE = { tries: 4, firstWaitMs: 5, maxWaitMs: 50, answerMs: 10_000, stallMs: 20_000, stallBytes: 1 }

let folder: string
const closing: (() => void)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quiver-download-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
})
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close()
})

/** A server that sends what is asked for, of all the file or from a range on, and ends the connection in its own way. */
async function serve(answer: (socket: Socket, asked: { head: string; body: Buffer }) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (request) => {
      const [, from] = /range: bytes=(\d+)-/i.exec(request.toString()) ?? []
      const body = CONTENT.subarray(Number(from ?? 0))
      const range = `Content-Range: bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}\r\n`
      answer(socket, { head: from === undefined ? 'HTTP/1.1 200 OK\r\n' : `HTTP/1.1 206 Partial\r\n${range}`, body })
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.onnx` // a TCP server that listens has one
}

/** Each write takes its time, as on a disk that is busy. */
async function slowDisk(): Promise<void> {
  const probe = await open(join(folder, 'probe'), 'w')
  const files: FileHandle = Object.getPrototypeOf(probe)
  await probe.close()
  const { write } = files
  const slow = vi.spyOn(files, 'write').mockImplementation(async function (this: FileHandle, ...values: unknown[]) {
    await sleep(10)
    return Reflect.apply(write, this, values)
  })
  closing.push(() => slow.mockRestore())
}

const ENDINGS: Record<string, (socket: Socket, body: Buffer) => void> = {
  'closes behind the last byte': (socket, body) => socket.end(body),
  'hangs up in the midst': (socket, body) => socket.end(body.length > 300_000 ? body.subarray(0, 200_000) : body),
  'resets behind the last byte': (socket, body) => socket.write(body, () => socket.resetAndDestroy()),
}

// A client that lets go of its parser here ends the process, with an error that nobody can catch.
test.each(
  Object.keys(ENDINGS).flatMap((ending) => ['a length', 'chunks', 'no length'].map((framing) => ({ ending, framing }))),
)('a slow disk, and a server that $ending, $framing announced: the whole file', async ({ ending, framing }) => {
  const url = await serve((socket, { head, body }) => {
    const close = ENDINGS[ending]
    const announced = { 'a length': `Content-Length: ${body.length}\r\n`, chunks: 'Transfer-Encoding: chunked\r\n' }
    const more = Object.entries(announced).find(([name]) => name === framing)?.[1] ?? ''
    socket.write(`${head}${more}Connection: close\r\n\r\n`)
    const chunk = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
    close?.(socket, framing === 'chunks' ? chunk : body)
  })
  await slowDisk()
  const http = createHttp()
  closing.push(() => http.close())
  const file = {
    path: 'model.onnx',
    bytes: CONTENT.length,
    hash: { algorithm: 'sha256', hex: SHA256 } as const,
    from: { url },
  }
  const sha256 = await download(file, {
    folder,
    http,
    patience: { ...PATIENCE, tries: 60 },
    signal: new AbortController().signal,
    limit: (work) => work(),
    lanes: { most: 1, minBytes: CONTENT.length },
    onBytes() {},
  })
  expect(sha256).toBe(SHA256)
  expect(readFileSync(join(folder, 'model.onnx')).equals(CONTENT)).toBe(true)
})

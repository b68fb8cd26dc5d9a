import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fieldOf } from './protocol.js'

/** What a fake server does with a request; faults that no real one can be made to have. */
export type Behaviour = (exchange: { texts: string[]; body: unknown; answer: Answer }) => void | Promise<void>

export interface Answer {
  json(body: unknown, options?: { status?: number; headers?: Record<string, string> }): void
  /** What a sound OpenAI-compatible server would answer. */
  soundly(): void
  /** End the connection without an answer. */
  hangUp(): void
}

export interface FakeServer {
  url: string
  /** Requests for embeddings so far, and those under way. */
  seen: number
  running: number
  /** Clients that went before their answer. */
  abandoned: number
  behave: Behaviour
  close(): Promise<void>
}

export const DIMENSION = 8

/** Words counted into eight components: equal texts are equal, and texts that share words are near. */
export function fakeVector(text: string): number[] {
  const vector = new Array<number>(DIMENSION).fill(0.01)
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    const hash = [...word].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0, 7)
    vector[hash % DIMENSION] = (vector[hash % DIMENSION] ?? 0) + 1
  }
  return vector
}

export const sound: Behaviour = ({ answer }) => answer.soundly()

/** An OpenAI-compatible server without a tokenizer route, in this process; it misbehaves as it is told to. */
export async function startFakeServer(behave: Behaviour = sound, port = 0): Promise<FakeServer> {
  const http = createServer((request, response) => void handle(request, response))
  const fake: FakeServer = {
    url: '',
    seen: 0,
    running: 0,
    abandoned: 0,
    behave,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer) // no encoding is set
    const path = request.url ?? ''
    if (path !== '/v1/embeddings') return void response.writeHead(404).end()
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
    const texts = fieldOf(body, 'input') as string[] // sent by our engine
    fake.seen++
    fake.running++
    response.once('close', () => {
      fake.running--
      if (!response.writableFinished) fake.abandoned++
    })
    const json: Answer['json'] = (body, { status = 200, headers = {} } = {}) => {
      if (!response.destroyed) response.writeHead(status, headers).end(JSON.stringify(body))
    }
    const data = texts.map((text, index) => ({ object: 'embedding', index, embedding: fakeVector(text) }))
    const tokens = texts.join(' ').split(/\s+/).length
    await fake.behave({
      texts,
      body,
      answer: {
        json,
        soundly: () => json({ data, usage: { prompt_tokens: tokens } }),
        hangUp: () => request.socket.destroy(),
      },
    })
  }
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  fake.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}` // a TCP server that listens has one
  return fake
}

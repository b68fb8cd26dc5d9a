import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as the server saw it. */
export interface Seen {
  path: string
  /** `input` of the compatible endpoint, `undefined` for a GET. */
  input: string[] | undefined
  authorization: string | undefined
}

/** Answers a request; `count` is how many came before it. */
export type Script = (seen: Seen, reply: Reply, count: number) => void | Promise<void>

export interface Reply {
  /** Send a status with a JSON body. */
  json(status: number, body: unknown, headers?: Record<string, string>): void
  /** The compatible endpoint's 200: for each text one vector of its length and its number of characters. */
  vectors(texts: readonly string[], headers?: Record<string, string>): void
  response: ServerResponse
}

/** A real HTTP server on a free port for faults that the real one cannot be brought to make. */
export async function startScriptedServer(script: Script) {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const body = JSON.parse((await readAll(request)) || '{}') as { input?: string | string[] } // what the client sent
    const input = typeof body.input === 'string' ? [body.input] : body.input
    const entry = { path: request.url ?? '', input, authorization: request.headers.authorization }
    seen.push(entry)
    await script(entry, replyTo(response), seen.length - 1)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a TCP server that listens
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** What `GET /v1/models/{id}` tells the client. */
export const modelObject = (maxInputs: number, maxCompatibleInputs = maxInputs) => ({
  id: 'text-embedding-v4',
  object: 'model',
  created: 1_749_081_600,
  owned_by: 'system',
  quiver: {
    maxInputs,
    maxCompatibleInputs,
    maxInputTokens: 8192,
    dimensions: [2],
    defaultDimension: 2,
    dimensionChoice: 'ignored',
    outputs: ['dense'],
  },
})

function replyTo(response: ServerResponse): Reply {
  const json: Reply['json'] = (status, body, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'request', ...headers })
    response.end(JSON.stringify(body))
  }
  return {
    response,
    json,
    vectors: (texts, headers = {}) =>
      json(
        200,
        {
          data: texts.map((text, index) => ({ index, embedding: base64(text.length, Number(text) || 0) })).reverse(),
          usage: { total_tokens: texts.length },
        },
        { 'x-quiver-space': 'space-one', ...headers },
      ),
  }
}

function base64(...values: number[]): string {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => void bytes.writeFloatLE(value, i * 4))
  return bytes.toString('base64')
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

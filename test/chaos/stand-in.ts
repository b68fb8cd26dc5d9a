import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Components of its vectors. */
export const DIMENSION = 64
const MAX_TEXTS = 32

/**
 * A model server that costs next to nothing, so that a campaign's time goes into what it tries: it speaks text-embeddings-
 * inference's protocol, a token is a word, and a vector is made of its text's SHA-256.
 *
 * @param answerMs time that every call takes: how long jobs run does not depend on the machine.
 * @param isHeld whether calls wait beyond that.
 */
export async function startStandIn(answerMs: number, isHeld = () => false): Promise<{ url: string; close(): void }> {
  const routes: Readonly<Record<string, (inputs: readonly string[]) => unknown>> = {
    '/health': () => ({}),
    '/info': () => ({ model_id: 'stand-in', model_sha: 'stand-in', max_client_batch_size: MAX_TEXTS }),
    '/tokenize': (inputs) => inputs.map((text) => text.split(/\s+/).map((_, id) => ({ id }))),
    '/embed': (inputs) => inputs.map(vectorOf),
  }
  const server = createServer(async (request, response) => {
    const route = routes[request.url ?? '']
    const inputs = request.method === 'POST' ? inputsOf(await bodyOf(request)) : []
    if (request.url === '/embed') await sleep(answerMs)
    while (request.url === '/embed' && isHeld()) await sleep(50)
    response.writeHead(route === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(route?.(inputs) ?? {}))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a server that listens on TCP has one
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
}

/** The configuration of a server whose tasks and batches are computed by it. */
export function configFor(url: string): object {
  const model = { engine: 'stand-in', dimensions: [DIMENSION], defaultDimension: DIMENSION }
  return {
    engines: {
      'stand-in': {
        kind: 'upstream',
        protocol: 'tei',
        urls: [url],
        model: 'm',
        dimension: DIMENSION,
        window: 8192,
        isRankingChecked: false, // its vectors are hashes
      },
    },
    models: { 'text-embedding-async-v2': model, 'text-embedding-v4': model },
  }
}

function vectorOf(text: string): number[] {
  const digest = createHash('sha256').update(text).digest()
  return Array.from({ length: DIMENSION }, (_, i) => (digest[i % digest.length] ?? 0) / 128 - 1 + i / DIMENSION / 8)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer) // no encoding is set
  return Buffer.concat(chunks).toString()
}

function inputsOf(body: string): string[] {
  const { inputs } = JSON.parse(body) as { inputs: string | string[] } // sent by our engine
  return typeof inputs === 'string' ? [inputs] : inputs
}

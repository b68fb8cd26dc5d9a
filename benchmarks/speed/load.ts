import { Agent, request } from 'node:http'

/** Callers that each send their next request when the last one is answered. */
export interface Load {
  url: string
  texts: readonly string[]
  /** Texts in one request. */
  batch: number
  /** Callers at the same time, each with one connection that it keeps. */
  concurrency: number
  /** How long to send, or how many requests. */
  durationMs?: number
  requests?: number
  encoding: 'base64' | 'float'
  model: string
}

export interface LoadResult {
  /** Sentences of requests that were answered within the time. */
  sentences: number
  seconds: number
  latenciesMs: number[]
  errors: number
}

/** Send for `durationMs`, or `requests`, whichever ends first; requests then under way are waited for and count. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency })
  const latenciesMs: number[] = []
  let errors = 0
  let sent = 0
  const startedAt = performance.now()
  const { durationMs = Number.POSITIVE_INFINITY, requests = Number.POSITIVE_INFINITY } = load
  if (!Number.isFinite(durationMs) && !Number.isFinite(requests)) throw new RangeError('a load that never ends')
  const caller = async () => {
    while (sent < requests && performance.now() - startedAt < durationMs) {
      const body = bodyOf(load, sent++)
      const sentAt = performance.now()
      if (await post(load.url, body, agent)) latenciesMs.push(performance.now() - sentAt)
      else errors++
    }
  }
  await Promise.all(Array.from({ length: load.concurrency }, caller))
  const seconds = (performance.now() - startedAt) / 1000
  agent.destroy()
  return { sentences: latenciesMs.length * load.batch, seconds, latenciesMs, errors }
}

function bodyOf({ texts, batch, encoding, model }: Load, number: number): string {
  const input = Array.from({ length: batch }, (_, i) => texts[(number * batch + i) % texts.length])
  return JSON.stringify({ model, input, encoding_format: encoding })
}

/** @returns whether the answer was 200 and came whole. */
function post(url: string, body: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const sending = request(`${url}/v1/embeddings`, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', authorization: 'Bearer any' },
    })
    sending.on('error', () => resolve(false))
    sending.on('response', (response) => {
      response.on('end', () => resolve(response.statusCode === 200 && response.complete))
      response.on('error', () => resolve(false))
      response.resume() // read, not parsed: this process shares the cores with the server
    })
    sending.end(body)
  })
}

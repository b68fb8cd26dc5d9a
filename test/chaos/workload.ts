import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'

/** A job of either dialect: how it is submitted, looked at and read. */
export interface Workload {
  name: string
  lines: number
  /** @param key under which it is submitted again when nobody knows whether the first time counted. */
  submit(url: string, key?: string): Promise<string>
  /** Where the results are, once it has ended. @throws {Error} when it ended in any other way. */
  findResults(url: string, id: string): Promise<string[] | undefined>
  /** The lines of a result. */
  read(url: string, result: string): Promise<AsyncIterable<string>>
  /** Number of the input's line that a line of the result is for. */
  indexOf(line: string): number
  /** The line without what differs between two jobs of the same input. */
  normalize(line: string): string
}

const KEY = { authorization: 'Bearer sk-chaos' }
const POLL_MS = 500

/** Lines of different lengths, some blank, some too long; the same for the same count. */
export function textLines(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    if (i % 997 === 5) return ''
    if (i % 1499 === 7) return 'much too long '.repeat(2100)
    return `${i} 长江 fox ${'jumps '.repeat(i % 7)}`
  })
}

/** Serves one text on loopback, as the place that a task's URL names. */
export async function serveText(text: string): Promise<{ url: string; host: string; close(): void }> {
  const server = createServer((_request, response) => response.end(text)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a server that listens on TCP has one
  return { url: `http://127.0.0.1:${port}/lines.txt`, host: `127.0.0.1:${port}`, close: () => server.close() }
}

/** A DashScope task over a URL. */
export function taskOf(inputUrl: string, lines: number): Workload {
  return {
    name: 'task',
    lines,
    async submit(url, key = randomUUID()) {
      const answer = await json(`${url}/api/v1/services/embeddings/text-embedding/text-embedding`, {
        method: 'POST',
        headers: { ...KEY, 'x-dashscope-async': 'enable', 'idempotency-key': key },
        body: JSON.stringify({ model: 'text-embedding-async-v2', input: { url: inputUrl } }),
      })
      return String(answer.output.task_id)
    },
    async findResults(url, id) {
      const { output } = await json(`${url}/api/v1/tasks/${id}`, { headers: KEY })
      if (output.task_status === 'SUCCEEDED') return [String(output.url)]
      if (output.task_status === 'PENDING' || output.task_status === 'RUNNING') return undefined
      throw new Error(`the task ended as ${JSON.stringify(output)}`)
    },
    async read(_url, result) {
      const { body, status } = await fetch(result)
      if (body === null || status !== 200) throw new Unavailable(`a result with status ${status}`)
      const compressed = Readable.fromWeb(body as import('node:stream/web').ReadableStream)
      const text = createGunzip()
      compressed.once('error', (error) => text.destroy(error))
      return linesOf(compressed.pipe(text))
    },
    indexOf: (line) => Number(/"text_index":(\d+)/.exec(line)?.[1]),
    normalize: (line) => line,
  }
}

/** An OpenAI batch over an uploaded file. */
export function batchOf(texts: readonly string[]): Workload {
  const file = texts
    .map((input, i) => {
      const body = { model: 'text-embedding-v4', input, dimensions: 64, encoding_format: 'base64' }
      return JSON.stringify({ custom_id: `line-${i}`, method: 'POST', url: '/v1/embeddings', body })
    })
    .join('\n')
  /** Files that were uploaded, by the key they were for: who submits again has the same body. */
  const uploads = new Map<string, string>()
  return {
    name: 'batch',
    lines: texts.length,
    async submit(url, key = randomUUID()) {
      if (!uploads.has(key)) {
        const form = new FormData()
        form.set('purpose', 'batch')
        form.set('file', new Blob([file]), 'batch.jsonl')
        const uploaded = await json(`${url}/v1/files`, { method: 'POST', headers: KEY, body: form })
        uploads.set(key, String(uploaded.id))
      }
      const body = { input_file_id: uploads.get(key), endpoint: '/v1/embeddings', completion_window: '24h' }
      const headers = { ...KEY, 'idempotency-key': key }
      const batch = await json(`${url}/v1/batches`, { method: 'POST', headers, body: JSON.stringify(body) })
      return String(batch.id)
    },
    async findResults(url, id) {
      const batch = await json(`${url}/v1/batches/${id}`, { headers: KEY })
      if (batch.status === 'completed') return [batch.output_file_id, batch.error_file_id].filter(Boolean).map(String)
      if (['validating', 'in_progress', 'finalizing'].includes(batch.status)) return undefined
      throw new Error(`the batch ended as ${JSON.stringify(batch)}`)
    },
    async read(url, result) {
      const { body, status } = await fetch(`${url}/v1/files/${result}/content`, { headers: KEY })
      if (body === null || status !== 200) throw new Unavailable(`a result with status ${status}`)
      return linesOf(Readable.fromWeb(body as import('node:stream/web').ReadableStream))
    },
    indexOf: (line) => Number(/"custom_id":"line-(\d+)"/.exec(line)?.[1]),
    normalize: (line) => line.replace(/batch_req_[0-9a-f]{32}/g, ''),
  }
}

/** Unlike readline's, this iteration fails when its source does. */
async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

/** What came out of a job. */
export interface Outcome {
  jobId: string
  /** Of the sorted lines. */
  sha256: string
  lost: number
  /** The first of them, by number. */
  lostLines: number[]
  doubled: number
}

/** Wait for a job while its server comes and goes, and read what came out. */
export async function outcomeOf(
  workload: Workload,
  url: string,
  jobId: string,
  patience: Patience = {},
): Promise<Outcome> {
  const results = await untilAnswered(() => workload.findResults(url, jobId), patience)
  const whole: { index: number; digest: string }[] = []
  for (const result of results) whole.push(...(await untilAnswered(() => readResult(workload, url, result), patience)))
  const seen = new Uint8Array(workload.lines)
  for (const { index } of whole) seen[index] = (seen[index] ?? 0) + 1
  const sorted = createHash('sha256')
  for (const digest of whole.map((line) => line.digest).toSorted()) sorted.update(digest)
  const lostLines = [...seen.keys()].filter((index) => seen[index] === 0)
  return {
    jobId,
    sha256: sorted.digest('hex'),
    lost: lostLines.length,
    lostLines: lostLines.slice(0, 10),
    doubled: seen.filter((times) => times > 1).length,
  }
}

async function readResult(workload: Workload, url: string, result: string) {
  const lines: { index: number; digest: string }[] = []
  for await (const line of await workload.read(url, result)) {
    const digest = createHash('sha256').update(workload.normalize(line)).digest('hex')
    lines.push({ index: workload.indexOf(line), digest })
  }
  return lines
}

/** The server is down, cannot reach what it needs, or wants to be asked later. */
export class Unavailable extends Error {}

export interface Patience {
  pollMs?: number
  /** Without it, for as long as it takes. */
  deadlineMs?: number
  /** Told of each time that the server had no answer. */
  onRefused?: () => void
}

/** Ask again while there is no answer, or the server cannot give one. @throws {Error} after the deadline. */
export async function untilAnswered<Value>(
  ask: () => Promise<Value | undefined>,
  { pollMs = POLL_MS, deadlineMs = Number.POSITIVE_INFINITY, onRefused = () => {} }: Patience = {},
): Promise<Value> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < deadlineMs) {
    const answer = await ask().catch((error: unknown) => {
      if (!isPassing(error)) throw error
      onRefused()
      return undefined
    })
    if (answer !== undefined) return answer
    await sleep(pollMs)
  }
  throw new Error(`not answered within ${deadlineMs} ms`)
}

/** fetch() throws TypeError where a connection fails or breaks; a gzip stream that breaks off has a code. */
function isPassing(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof Unavailable) return true
  return (
    error instanceof Error &&
    'code' in error &&
    ['Z_BUF_ERROR', 'ECONNRESET', 'UND_ERR_SOCKET'].includes(String(error.code))
  )
}

// Answers are those of the server under test, whose shapes its own tests hold.
// biome-ignore lint/suspicious/noExplicitAny: see above
async function json(url: string, init: RequestInit): Promise<any> {
  const answer = await fetch(url, init)
  if (answer.status >= 500 || answer.status === 429) throw new Unavailable(`${answer.status}`)
  const body = await answer.json()
  if (!answer.ok) throw new Error(`${answer.status} ${JSON.stringify(body)}`)
  return body
}

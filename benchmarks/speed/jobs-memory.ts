import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BUILTIN_WEIGHTS } from '@quiver/server/dist/engines/builtin/weights.js'
import { endOfBatch, endOfTask, json, lineOf, pause, submitTask, TASK_MODEL, upload } from './jobs-client.js'
import { type ServerProcess, startProcess, startServer } from './server-process.js'

export const SAMPLE_MS = 50
export const LARGE_LINES = 5_000
export const LARGE_LINE_BYTES = 100 * 1024
export const TASK_LINES = 100_000
/** The most that a line may have. */
export const TASK_LINE_TOKENS = 2_048
/** No two of these letters are a token together, in this order or across their ends; so a token is a byte, and the lines fit. */
const UNITS = ['qxzj', 'zqxj'] as const
const UNIT_TOKENS = 4
const DIMENSION = 1024
const WIRE_SERVER = fileURLToPath(new URL('./wire-server.js', import.meta.url))

/** Resident MB before, and at most. */
export type Memory = Record<string, [before: number, most: number]>

/** Of a batch file near the limit: 5,000 lines of 100 KB. */
export async function memoryOfLargeBatch(): Promise<Memory> {
  const server = await startServer({ QUIVER_THREADS: '1', QUIVER_MAX_FILE_BYTES: String(600 * 1024 * 1024) })
  const padding = 'x'.repeat(LARGE_LINE_BYTES - 200)
  const lines = Array.from({ length: LARGE_LINES }, (_, i) => lineOf(i, `text ${i}`, { user: padding }))
  try {
    const [file, uploading] = await watchMemory(server, () => upload(server.url, new Blob(lines), 'batch'))
    const [, computing] = await watchMemory(server, () => endOfBatch(server.url, file))
    return { 'upload of the file': uploading, 'computing the batch': computing }
  } finally {
    await server.stop()
  }
}

/** A task of the largest lines with the built-in model, which would take a day: its first shards. */
export async function memoryOfLargeTask(seconds: number): Promise<{ memory: Memory; lines: number }> {
  const server = await startServer({ QUIVER_CACHE_BYTES: '0' })
  try {
    const [id, reading] = await watchMemory(server, async () => {
      const task = await submitTask(server.url, largestLines())
      while ((await json(`${server.url}/api/v1/tasks/${task}`)).output.task_metrics === undefined) await pause()
      return task
    })
    const [, computing] = await watchMemory(server, () => sleep(seconds * 1000))
    const { output } = await json(`${server.url}/api/v1/tasks/${id}`)
    if (output.task_status !== 'RUNNING') throw new Error(JSON.stringify(output))
    return {
      memory: { 'reading the task': reading, 'computing the task': computing },
      lines: output.task_metrics.SUCCEEDED,
    }
  } finally {
    await server.stop()
  }
}

/** The same task from its first line to its last, with vectors that an upstream has ready: all that a server does but the network. */
export async function memoryOfWholeTask(): Promise<Memory> {
  const upstream = await startProcess([process.execPath, WIRE_SERVER, 'quiver'])
  const folder = await mkdtemp(join(tmpdir(), 'quiver-bench-jobs-'))
  const config = join(folder, 'quiver.yaml')
  await writeFile(config, JSON.stringify(servedBy(upstream.url)))
  const server = await startServer({ QUIVER_CONFIG: config, QUIVER_THREADS: '1', QUIVER_CACHE_BYTES: '0' })
  try {
    const [, memory] = await watchMemory(server, async () =>
      endOfTask(server.url, await submitTask(server.url, largestLines())),
    )
    return { 'the whole task, vectors of an upstream': memory }
  } finally {
    await Promise.all([server.stop(), upstream.stop()])
    await rm(folder, { recursive: true })
  }
}

function servedBy(url: string): object {
  const engine = { kind: 'upstream', protocol: 'openai', urls: [url], model: 'text-embedding-v4', apiKey: 'any' }
  const space = { dimension: DIMENSION, window: 8192, tokenizer: BUILTIN_WEIGHTS, maxTexts: 10 }
  return {
    engines: { up: { ...engine, ...space, isRankingChecked: false } },
    models: { [TASK_MODEL]: { engine: 'up', dimensions: [DIMENSION], defaultDimension: DIMENSION } },
  }
}

const largestLines = () => new Blob(Array.from({ length: TASK_LINES }, (_, i) => `${largestLine(i)}\n`))

/** A line that no other is like: its units are the binary digits of its number. */
function largestLine(number: number): string {
  const unit = (at: number) => UNITS[(number >> (at % 20)) & 1] ?? ''
  return Array.from({ length: TASK_LINE_TOKENS / UNIT_TOKENS }, (_, at) => unit(at)).join('')
}

async function watchMemory<Value>(
  server: ServerProcess,
  work: () => Promise<Value>,
): Promise<[Value, [before: number, most: number]]> {
  const before = server.cost().rssMb
  let most = before
  const sampler = setInterval(() => {
    most = Math.max(most, server.cost().rssMb)
  }, SAMPLE_MS)
  const value = await work().finally(() => clearInterval(sampler))
  return [value, [before, most]]
}

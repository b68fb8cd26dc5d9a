import { setTimeout as sleep } from 'node:timers/promises'
import { json, lineOf, pause, submitTask, upload } from './jobs-client.js'
import { startServer } from './server-process.js'

const WARM_REQUESTS = 50
const REQUESTS = 200
export const CALLERS = 8
/** Of a field that the server passes over, so that reading the file takes long enough to be felt. */
export const PADDING_BYTES = 100 * 1024
const LOOK_MS = 20
/** In each stage of a batch. */
const MOST_REQUESTS = 400
/** What a batch is at, in its own words → in those of its stages. */
const STAGES = { validating: 'planned', in_progress: 'computed', finalizing: 'put together' } as const

/** Milliseconds of requests, by what the server was doing when each began. */
export type Latency = Map<string, number[]>

/** What requests feel of a task and of a batch, one caller and eight. */
export async function latencyBeside(texts: readonly string[]): Promise<Latency> {
  const server = await startServer({ QUIVER_THREADS: '1', QUIVER_CACHE_BYTES: '0' })
  const ask = async (input: string) => {
    const startedAt = performance.now()
    await json(`${server.url}/v1/embeddings`, { model: 'text-embedding-v4', input })
    return performance.now() - startedAt
  }
  /** `count` requests of all callers together, each of a text of its own. */
  const measure = async (count: number, { callers, prefix }: { callers: number; prefix: string }) => {
    const numbers = Array.from({ length: count }, (_, i) => i).values()
    const times: number[] = []
    const caller = async () => {
      for (const i of numbers) times.push(await ask(`${prefix} ${texts[i % texts.length]}`))
    }
    await Promise.all(Array.from({ length: callers }, caller))
    return times
  }
  const latency: Latency = new Map()
  try {
    await measure(WARM_REQUESTS, { callers: 1, prefix: 'warm' })
    for (const callers of [1, CALLERS]) {
      latency.set(
        `${callers}, idle`,
        await measure(REQUESTS * (callers > 1 ? 2 : 1), { callers, prefix: `idle ${callers}` }),
      )
    }
    const id = await submitTask(server.url, [...texts, ...texts.map((text) => `again ${text}`)].join('\n'))
    const stateOf = async () => (await json(`${server.url}/api/v1/tasks/${id}`)).output
    while ((await stateOf()).task_metrics === undefined) await pause()
    for (const callers of [1, CALLERS]) {
      const times = await measure(REQUESTS * (callers > 1 ? 2 : 1), { callers, prefix: `task ${callers}` })
      latency.set(`${callers}, while a task is computed`, times)
      if ((await stateOf()).task_status !== 'RUNNING')
        throw new Error('the task had ended before the requests had; give more --lines')
    }
    while ((await stateOf()).task_status === 'RUNNING') await pause()
    for (const callers of [1, CALLERS]) {
      for (const [when, times] of await besideBatch(server.url, { texts, callers, ask })) latency.set(when, times)
    }
    return latency
  } finally {
    await server.stop()
  }
}

/** Callers that ask from the submission of a batch to its end. */
async function besideBatch(
  url: string,
  { texts, callers, ask }: { texts: readonly string[]; callers: number; ask: (input: string) => Promise<number> },
): Promise<Latency> {
  const user = 'x'.repeat(PADDING_BYTES)
  const lines = texts.map((text, i) => lineOf(i, `${callers} ${text}`, { user }))
  const input_file_id = await upload(url, new Blob(lines), 'batch')
  const batch = await json(`${url}/v1/batches`, { input_file_id, endpoint: '/v1/embeddings', completion_window: '24h' })
  let status: string = batch.status
  const latency: Latency = new Map(Object.values(STAGES).map((stage) => [nameOf(stage), []]))
  function nameOf(stage: string): string {
    return `${callers}, while a batch is ${stage}`
  }
  const isRunning = (word: string): word is keyof typeof STAGES => Object.hasOwn(STAGES, word)
  const caller = async (number: number) => {
    for (let i = 0; isRunning(status); i++) {
      const times = latency.get(nameOf(STAGES[status])) ?? []
      // Callers that never stop would keep most of the thread from the batch, which gives way to them.
      if (times.length >= MOST_REQUESTS) await sleep(LOOK_MS)
      else times.push(await ask(`batch ${callers} ${number} ${i} ${texts[i % texts.length]}`))
    }
  }
  const look = async () => {
    while (isRunning(status)) {
      await sleep(LOOK_MS)
      status = (await json(`${url}/v1/batches/${batch.id}`)).status
    }
  }
  await Promise.all([look(), ...Array.from({ length: callers }, (_, number) => caller(number))])
  if (status !== 'completed') throw new Error(`the batch is ${status}`)
  return latency
}

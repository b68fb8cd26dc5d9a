import { parseArgs } from 'node:util'
import { assemblePipeline } from '@quiver/server/dist/assemble.js'
import { check } from '@quiver/server/dist/catalog/check.js'
import { NO_HOME } from '../places.js'
import { publish, toShort } from '../report.js'
import { batchFile, endOfTask, runBatch, submitTask } from './jobs-client.js'
import { CALLERS, type Latency, latencyBeside, PADDING_BYTES } from './jobs-latency.js'
import {
  LARGE_LINE_BYTES,
  LARGE_LINES,
  memoryOfLargeBatch,
  memoryOfLargeTask,
  memoryOfWholeTask,
  SAMPLE_MS,
  TASK_LINE_TOKENS,
  TASK_LINES,
} from './jobs-memory.js'
import { median, percentile } from './percentile.js'
import { type ServerProcess, startServer } from './server-process.js'
import { madeUpTexts } from './texts.js'

/** Tokens of a line, about those of a sentence or two. */
const TOKENS = 32
const GROUP = 64
const IN_FLIGHT = 3

interface Cost {
  seconds: number
  cpuSeconds: number
}

/** Tasks and batches beside the engine alone in a loop, their memory, and what requests feel of them. */
export async function jobs(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      lines: { type: 'string', default: '5000' },
      rounds: { type: 'string', default: '3' },
      /** `throughput`, `memory` or `latency`. */
      only: { type: 'string' },
      /** For how long the large task is watched: 1,000 such lines take a quarter of an hour on two cores. */
      'task-seconds': { type: 'string', default: '120' },
    },
  })
  const isWanted = (part: string) => values.only === undefined || values.only === part
  const texts = madeUpTexts(TOKENS, Number(values.lines))
  const rounds: { engine: Cost; task: Cost; batch: Cost }[] = []
  for (let round = 0; isWanted('throughput') && round < Number(values.rounds); round++) {
    rounds.push({ engine: await engineAlone(texts), ...(await throughJobs(texts)) })
  }
  const taskSeconds = Number(values['task-seconds'])
  const largeTask = isWanted('memory') ? await memoryOfLargeTask(taskSeconds) : { memory: {}, lines: 0 }
  const memory = isWanted('memory')
    ? { ...(await memoryOfLargeBatch()), ...largeTask.memory, ...(await memoryOfWholeTask()) }
    : {}
  const latency: Latency = isWanted('latency') ? await latencyBeside(texts) : new Map()
  const ratio = (kind: 'task' | 'batch') =>
    median(rounds.map((round) => round.engine.cpuSeconds / round[kind].cpuSeconds))
  publish('Jobs', {
    command: ['npm run bench -- jobs', ...words].join(' '),
    ...(words.length === 0 ? { file: 'jobs.md' } : {}),
    sections: [
      isWanted('throughput') && {
        title: 'Throughput',
        notes: [
          `${texts.length} lines of ${TOKENS} tokens, one worker thread: the engine alone in a loop, then as a task (1,536 components, digits, gzip) and as a batch (1,024 components, base64), from the submission to the end, in turns. The last column is the median of the engine's processor time over the job's; goal: 0.85.`,
        ],
        header: ['', 'lines/s', 'lines/CPU-s', "engine's CPU over this"],
        rows: (['engine', 'task', 'batch'] as const).map((kind) => [
          kind === 'engine' ? 'engine alone' : kind,
          toShort(median(rounds.map((round) => texts.length / round[kind].seconds))),
          toShort(median(rounds.map((round) => texts.length / round[kind].cpuSeconds))),
          kind === 'engine' ? '1' : ratio(kind).toFixed(2),
        ]),
      },
      isWanted('memory') && {
        title: 'Memory',
        notes: [
          `A batch file of ${Math.round((LARGE_LINES * LARGE_LINE_BYTES) / 1024 ** 2)} MB: ${LARGE_LINES} lines of ${LARGE_LINE_BYTES / 1024} KB, most of each a field that is ignored. Resident memory of the server, sampled every ${SAMPLE_MS} ms; goal: 600 MB. A task of ${TASK_LINES} lines of ${TASK_LINE_TOKENS} tokens, a byte each, which fill the 200 MiB that a task may have: read, and then computed for ${taskSeconds} s; ${largeTask.lines} lines were committed by then, in shards of 1,000. The whole task: to its last line, by an upstream whose vectors of 1,024 components are ready; this server reads, counts tokens, computes nothing, writes its results.`,
        ],
        header: ['', 'RSS before, MB', 'most, MB'],
        rows: Object.entries(memory).map(([what, [before, most]]) => [what, before.toFixed(0), most.toFixed(0)]),
      },
      isWanted('latency') && {
        title: 'Requests beside jobs',
        notes: [
          `Requests of one text, from one caller and from ${CALLERS} at a time, each asking again when it has its answer: on an idle server, while a task of ${texts.length * 2} lines is computed, and through the life of a batch of ${texts.length} lines with ${PADDING_BYTES / 1024} KB of a field that is ignored on each, by the stage it was in when the request began, up to 400 in each. The last column is the p99 over that of the same callers on the idle server; goal: 2.`,
        ],
        header: ['callers', 'requests', 'p50, ms', 'p99, ms', 'p99 over idle'],
        rows: [...latency].map(([when, times]) => {
          const [callers = ''] = when.split(', ')
          const idle = percentile(latency.get(`${callers}, idle`) ?? [], 0.99)
          const p99 = percentile(times, 0.99)
          return [when, String(times.length), toShort(percentile(times, 0.5)), toShort(p99), (p99 / idle).toFixed(2)]
        }),
      },
    ].filter((section) => section !== false),
  })
}

/** The same calls that a shard makes, without files, rows or digits. */
async function engineAlone(texts: readonly string[]): Promise<Cost> {
  const { signal } = new AbortController()
  const pipeline = await assemblePipeline(
    { threads: 1, maxQueuedInputs: 2_000, cacheBytes: 0, home: NO_HOME, models: {}, engines: {}, ffmpeg: 'ffmpeg' },
    signal,
  )
  const groups = Array.from({ length: Math.ceil(texts.length / GROUP) }, (_, i) =>
    texts.slice(i * GROUP, (i + 1) * GROUP),
  ).values()
  const lane = async () => {
    for (const inputs of groups) {
      const request = {
        model: 'text-embedding-async-v2',
        inputs,
        textType: 'document',
        outputType: 'dense',
        fields: { inputs: 'input', dimension: 'dimensions' },
      } as const
      const checked = check({ ...request, inputs: [...inputs] }, pipeline.catalog, { maxInputs: GROUP, isJob: true })
      await pipeline.embed(checked, { signal, priority: 'bulk' })
    }
  }
  const before = process.cpuUsage()
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  const { user, system } = process.cpuUsage(before)
  const cost = { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: (user + system) / 1e6 }
  await pipeline.close()
  return cost
}

async function throughJobs(texts: readonly string[]): Promise<{ task: Cost; batch: Cost }> {
  const server = await startServer({ QUIVER_THREADS: '1', QUIVER_CACHE_BYTES: '0' })
  try {
    const task = await costOf(server, async () => endOfTask(server.url, await submitTask(server.url, texts.join('\n'))))
    const batch = await costOf(server, () => runBatch(server.url, batchFile(texts)))
    return { task, batch }
  } finally {
    await server.stop()
  }
}

async function costOf(server: ServerProcess, work: () => Promise<unknown>): Promise<Cost> {
  const before = server.cost().cpuSeconds
  const startedAt = performance.now()
  await work()
  return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: server.cost().cpuSeconds - before }
}

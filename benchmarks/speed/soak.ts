import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { REPOSITORY } from '../places.js'
import { publish, toShort } from '../report.js'
import { runLoad } from './load.js'
import { MODEL, startQuiver } from './peer-servers.js'
import { percentile } from './percentile.js'
import type { ServerProcess } from './server-process.js'
import { madeUpTexts } from './texts.js'

/** How often memory is looked at. */
const STEP_MS = 10_000
/** Caches fill, the heap finds its size and the JIT compiles; after that memory is to stand still. */
const WARM_UP_SHARE = 1 / 5

interface Sample {
  seconds: number
  /** Resident memory of all processes, of the server's own, and of the models'. */
  all: number
  server: number
  models: number
  /** Of the server's: what JavaScript holds, garbage among it, and buffers outside of its heap. */
  heap: number
  external: number
}

/** An open model under load for minutes: whether memory stands still, and nothing fails. */
export async function soak(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      minutes: { type: 'string', default: '10' },
      callers: { type: 'string', default: '8' },
    },
  })
  const models = process.env.QUIVER_TEST_MODELS ?? join(REPOSITORY, '.cache/test-models')
  const server = await startQuiver(join(models, MODEL), {})
  const samples: Sample[] = []
  const latenciesMs: number[] = []
  let errors = 0
  const idleMb = server.cost().rssMb
  const [short, long] = [madeUpTexts(14, 7_000), madeUpTexts(165, 1_000)]
  const texts = Array.from({ length: 8_000 }, (_, i) => (i % 8 === 0 ? long[i / 8] : short[i - Math.ceil(i / 8)]) ?? '')
  const steps = Math.ceil((Number(values.minutes) * 60_000) / STEP_MS)
  const startedAt = performance.now()
  try {
    for (let step = 0; step < steps; step++) {
      const load = { url: server.url, texts, batch: 1 + (step % 4), concurrency: Number(values.callers) }
      const result = await runLoad({ ...load, model: MODEL, encoding: 'base64', durationMs: STEP_MS })
      errors += result.errors
      latenciesMs.push(...result.latenciesMs)
      const sample = await look(server, (performance.now() - startedAt) / 1000)
      samples.push(sample)
      process.stderr.write(
        `soak: ${step + 1} of ${steps}: ${latenciesMs.length} requests, ${JSON.stringify(sample, (_, value) => (typeof value === 'number' ? Math.round(value) : value))}\n`,
      )
    }
    const { peakRssMb } = server.cost()
    const settled = samples.slice(Math.ceil(steps * WARM_UP_SHARE))
    const slope = (read: (sample: Sample) => number) => toShort(3600 * slopeOf(settled, read))
    publish('An open model under load', {
      command: ['npm run bench -- soak', ...words].join(' '),
      file: 'soak.md',
      sections: [
        {
          title: `${values.minutes} minutes, ${values.callers} callers`,
          notes: [
            `${MODEL}, one thread; requests of 1 to 4 texts, seven short ones to one of some 220 tokens. Memory is that of all the server's processes; its slope is a straight line through the samples after the first fifth of the time. What the processes themselves hold stands apart, for resident memory of a moment moves with garbage that nobody has collected yet.`,
          ],
          header: ['', ''],
          rows: [
            ['Requests', String(latenciesMs.length)],
            ['Failed', String(errors)],
            ['p50, ms', toShort(percentile(latenciesMs, 0.5))],
            ['p99, ms', toShort(percentile(latenciesMs, 0.99))],
            ['MB before the load', toShort(idleMb)],
            ['MB after a fifth of the time', toShort(settled[0]?.all ?? Number.NaN)],
            ['MB at the end', toShort(settled.at(-1)?.all ?? Number.NaN)],
            ['MB at most', toShort(peakRssMb)],
            ['Slope, MB an hour', slope(({ all }) => all)],
            ['… of the server’s process', slope(({ server }) => server)],
            ['… of its JavaScript heap', slope(({ heap }) => heap)],
            ['… of its buffers outside of the heap', slope(({ external }) => external)],
            ['… of the model’s process', slope(({ models }) => models)],
          ],
        },
      ],
    })
    if (errors > 0) process.exitCode = 1
  } finally {
    await server.stop()
  }
}

async function look(server: ServerProcess, seconds: number): Promise<Sample> {
  const { rssMb: all, own } = server.cost()
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: 'Bearer any' } })
  const metrics = await response.text()
  const megabytes = (name: string) => Number(metrics.match(new RegExp(`^${name} (\\S+)$`, 'm'))?.[1]) / 2 ** 20
  return {
    seconds,
    all,
    server: own.rssMb,
    models: all - own.rssMb,
    heap: megabytes('nodejs_heap_size_used_bytes'),
    external: megabytes('nodejs_external_memory_bytes'),
  }
}

/** MB a second: least squares. */
function slopeOf(samples: readonly Sample[], read: (sample: Sample) => number): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(samples.map(({ seconds }) => seconds)), mean(samples.map(read))]
  const covariance = samples.reduce((sum, sample) => sum + (sample.seconds - x) * (read(sample) - y), 0)
  return covariance / samples.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0)
}

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { REPOSITORY } from '../places.js'
import { publish, toShort } from '../report.js'
import { runLoad } from './load.js'
import { MODEL, startQuiver } from './peer-servers.js'
import { percentile } from './percentile.js'
import { madeUpTexts } from './texts.js'

/** How often memory is looked at. */
const STEP_MS = 10_000
/** Caches fill and the JIT compiles; after that memory is to stand still. */
const WARM_UP_STEPS = 6

interface Sample {
  seconds: number
  rssMb: number
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
      const { rssMb } = server.cost()
      samples.push({ seconds: (performance.now() - startedAt) / 1000, rssMb })
      process.stderr.write(`soak: ${step + 1} of ${steps}: ${rssMb.toFixed(0)} MB\n`)
    }
    const { peakRssMb } = server.cost()
    publish('An open model under load', {
      command: ['npm run bench -- soak', ...words].join(' '),
      file: 'soak.md',
      sections: [
        {
          title: `${values.minutes} minutes, ${values.callers} callers`,
          notes: [
            `${MODEL}, one thread; requests of 1 to 4 texts, seven short ones to one of some 220 tokens. Memory is that of all the server's processes; its slope is a straight line through the samples after the first minute.`,
          ],
          header: ['', ''],
          rows: [
            ['Requests', String(latenciesMs.length)],
            ['Failed', String(errors)],
            ['p50, ms', toShort(percentile(latenciesMs, 0.5))],
            ['p99, ms', toShort(percentile(latenciesMs, 0.99))],
            ['MB before the load', toShort(idleMb)],
            ['MB after a minute', toShort(samples[WARM_UP_STEPS]?.rssMb ?? Number.NaN)],
            ['MB at the end', toShort(samples.at(-1)?.rssMb ?? Number.NaN)],
            ['MB at most', toShort(peakRssMb)],
            ['Slope, MB an hour', toShort(3600 * slopeOf(samples.slice(WARM_UP_STEPS)))],
          ],
        },
      ],
    })
    if (errors > 0) process.exitCode = 1
  } finally {
    await server.stop()
  }
}

/** MB a second: least squares. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(samples.map(({ seconds }) => seconds)), mean(samples.map(({ rssMb }) => rssMb))]
  const covariance = samples.reduce((sum, { seconds, rssMb }) => sum + (seconds - x) * (rssMb - y), 0)
  return covariance / samples.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0)
}

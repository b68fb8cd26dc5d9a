import { parseArgs } from 'node:util'
import { publish, toShort } from '../report.js'
import { median } from './percentile.js'
import { startServer } from './server-process.js'

const THREADS = [1, 2]

/** From `quiver serve` to the first yes of /readyz, and what the idle server holds. */
export async function startup(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...words], options: { starts: { type: 'string', default: '7' } } })
  const rows: string[][] = []
  for (const threads of THREADS) rows.push(await measureStarts(threads, Number(values.starts)))
  publish('Start of the server', {
    command: ['npm run bench -- startup', ...words].join(' '),
    ...(words.length === 0 ? { file: 'startup.md' } : {}),
    sections: [
      {
        title: 'Until /readyz says yes',
        notes: [
          `Median (least, most) of ${values.starts} starts with warm file caches. Ready means: weights read and checked against their SHA-256, loaded in every thread, self-test passed, listening.`,
        ],
        header: ['Server', 'ready after, s', 'CPU-seconds', 'resident, idle, MB', 'largest, MB'],
        rows,
      },
    ],
  })
}

async function measureStarts(threads: number, starts: number): Promise<string[]> {
  const readyS: number[] = []
  const cpuS: number[] = []
  const rssMb: number[] = []
  const peakMb: number[] = []
  for (let i = 0; i < starts; i++) {
    const server = await startServer({ QUIVER_THREADS: String(threads) })
    const cost = server.cost()
    await server.stop()
    readyS.push(server.readyAfterMs / 1000)
    cpuS.push(cost.cpuSeconds)
    rssMb.push(cost.rssMb)
    peakMb.push(cost.peakRssMb)
  }
  const spread = (values: readonly number[]) =>
    `${toShort(median(values))} (${toShort(Math.min(...values))}, ${toShort(Math.max(...values))})`
  return [`QUIVER_THREADS=${threads}`, spread(readyS), spread(cpuS), spread(rssMb), toShort(median(peakMb))]
}

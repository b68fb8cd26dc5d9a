import { parseArgs } from 'node:util'
import { Catalog } from '@quiver/server/dist/catalog/catalog.js'
import { publish, type Section, toShort } from '../report.js'
import { type Load, runLoad } from './load.js'
import { percentile } from './percentile.js'
import { startServer } from './server-process.js'
import { madeUpTexts, realSentences } from './texts.js'

interface Case {
  texts: 'sentences' | 'medium'
  encoding: Load['encoding']
  batch: number
  concurrency: number
}

interface Row extends Case {
  threads: number
  perSecond: number
  perCpuSecond: number
  /** Share of one core that the server had. */
  cores: number
  p50: number
  p99: number
  errors: number
  rssMb: number
}

const THREADS = [1, 2]
const GRID: readonly Case[] = [1, 10].flatMap((batch) =>
  [1, 16, 64].map((concurrency): Case => ({ texts: 'sentences', encoding: 'base64', batch, concurrency })),
)
const EXTRA: readonly Case[] = [
  { texts: 'sentences', encoding: 'float', batch: 10, concurrency: 16 },
  { texts: 'medium', encoding: 'base64', batch: 10, concurrency: 16 },
]
const WARM_UP_MS = 1_000

/** The server in its own process under load from this one; exit code 1 when any request fails. */
export async function http(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...words], options: { seconds: { type: 'string', default: '8' } } })
  const durationMs = Number(values.seconds) * 1000
  const rows: Row[] = []
  for (const threads of THREADS) rows.push(...(await measureServer(threads, durationMs)))
  const failed = rows.reduce((sum, { errors }) => sum + errors, 0)
  publish('Speed of the built-in engine over HTTP', {
    command: ['npm run bench -- http', ...words].join(' '),
    ...(words.length === 0 ? { file: 'http.md' } : {}),
    sections: [
      ...THREADS.map((threads) => describe(threads, rows)),
      {
        title: failed === 0 ? 'No request failed' : `${failed} REQUESTS FAILED`,
        header: ['Server', 'Largest resident memory, MB'],
        rows: THREADS.map((threads) => [
          `QUIVER_THREADS=${threads}`,
          Math.max(...rows.filter((row) => row.threads === threads).map(({ rssMb }) => rssMb)).toFixed(0),
        ]),
      },
    ],
  })
  if (failed > 0) process.exitCode = 1
}

async function measureServer(threads: number, durationMs: number): Promise<Row[]> {
  const texts = { sentences: realSentences(2_000) ?? madeUpTexts(16, 2_000), medium: madeUpTexts(128, 500) }
  const [model] = new Catalog().list()
  if (model === undefined) throw new TypeError('the catalog is empty')
  const server = await startServer({ QUIVER_THREADS: String(threads) })
  const rows: Row[] = []
  try {
    for (const one of [...GRID, ...EXTRA]) {
      const load = { ...one, url: server.url, model: model.id, texts: texts[one.texts] }
      await runLoad({ ...load, durationMs: WARM_UP_MS })
      const before = server.cost()
      const { sentences, seconds, latenciesMs, errors } = await runLoad({ ...load, durationMs })
      const after = server.cost()
      const cpuSeconds = after.cpuSeconds - before.cpuSeconds
      rows.push({
        ...one,
        threads,
        perSecond: sentences / seconds,
        perCpuSecond: sentences / cpuSeconds,
        cores: cpuSeconds / seconds,
        p50: percentile(latenciesMs, 0.5),
        p99: percentile(latenciesMs, 0.99),
        errors,
        rssMb: after.peakRssMb,
      })
      process.stderr.write(`http: ${threads} threads, batch ${one.batch}, concurrency ${one.concurrency} done\n`)
    }
  } finally {
    await server.stop()
  }
  return rows
}

function describe(threads: number, rows: readonly Row[]): Section {
  return {
    title: `QUIVER_THREADS=${threads}`,
    notes:
      threads === THREADS[0]
        ? [
            'OpenAI endpoint, kept connections; each caller sends its next request when the last is answered. The load generator runs on the same cores. "Cores": CPU-seconds of the server per second. "sentences" are STSb sentences in English and Chinese, about 17 tokens; "medium" are 128 tokens.',
          ]
        : [],
    header: [
      'Texts',
      'encoding',
      'batch',
      'callers',
      'sentences/s',
      'per CPU-s',
      'cores',
      'p50 ms',
      'p99 ms',
      'errors',
    ],
    rows: rows
      .filter((row) => row.threads === threads)
      .map((row) => [
        row.texts,
        row.encoding,
        String(row.batch),
        String(row.concurrency),
        toShort(row.perSecond),
        toShort(row.perCpuSecond),
        row.cores.toFixed(2),
        toShort(row.p50),
        toShort(row.p99),
        String(row.errors),
      ]),
  }
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { BUILTIN_WEIGHTS } from '@quiver/server/dist/engines/builtin/weights.js'
import { publish, type Section, toShort } from '../report.js'
import { runLoad } from './load.js'
import { median, percentile } from './percentile.js'
import { type ServerProcess, startProcess, startServer } from './server-process.js'
import { madeUpTexts } from './texts.js'

/** How a gateway is told to count tokens, which decides how many requests it makes of one. */
interface Setup {
  name: string
  texts: number
  engine: Readonly<Record<string, unknown>>
}

interface Round {
  p50Ms: number
  perSecond: number
  /** CPU milliseconds of the server that was asked, for one request. */
  cpuMs: number
}

interface Way {
  setup: Setup
  upstream: string
  callers: number
  direct: Round[]
  through: Round[]
}

const MODEL = 'text-embedding-v4'
const WIRE_SERVER = fileURLToPath(new URL('./wire-server.js', import.meta.url))
/** The JIT needs many before the first that counts. */
const WARM_UP_REQUESTS = 600

/** An upstream that costs nothing but the wire, and one whose device takes its time: two lanes of 10 ms a request. */
const UPSTREAMS: Readonly<Record<string, readonly string[]>> = { ready: ['quiver'], device: ['quiver', '10', '2'] }

const SETUPS: readonly Setup[] = [
  { name: '1 text, tokens from `usage`', texts: 1, engine: {} },
  { name: '10 texts, tokens from `usage`, `maxTexts: 10`', texts: 10, engine: { maxTexts: 10 } },
  { name: '10 texts, tokens counted by the gateway', texts: 10, engine: { tokenizer: BUILTIN_WEIGHTS } },
]

/**
 * What a server in front of another one costs: the same requests to an upstream and to a gateway before it, taking turns
 * so that other work on the machine hits both.
 */
export async function gateway(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: { seconds: { type: 'string', default: '1.5' }, rounds: { type: 'string', default: '9' } },
  })
  const durationMs = Number(values.seconds) * 1000
  const folder = await mkdtemp(join(tmpdir(), 'quiver-bench-gateway-'))
  const running: ServerProcess[] = []
  const keep = (server: ServerProcess) => {
    running.push(server)
    return server
  }
  const ways: Way[] = []
  try {
    for (const [upstream, command] of Object.entries(UPSTREAMS)) {
      const direct = keep(await startProcess([process.execPath, WIRE_SERVER, ...command]))
      for (const setup of SETUPS) {
        const through = keep(await startGateway(direct.url, setup, join(folder, `${ways.length}.yaml`)))
        for (const callers of upstream === 'ready' ? [1] : [16]) {
          const way: Way = { setup, upstream, callers, direct: [], through: [] }
          ways.push(way)
          await measureWay(way, { direct, through, durationMs, rounds: Number(values.rounds) })
        }
        process.stderr.write(`gateway: ${upstream}, ${setup.name}: done\n`)
      }
    }
  } finally {
    await Promise.all(running.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }
  publish('What a gateway costs', {
    command: ['npm run bench -- gateway', ...words].join(' '),
    ...(words.length === 0 ? { file: 'gateway.md' } : {}),
    sections: [describeLatency(ways), describeThroughput(ways)],
  })
}

async function startGateway(url: string, setup: Setup, configFile: string): Promise<ServerProcess> {
  const engine = {
    kind: 'upstream',
    protocol: 'openai',
    urls: [url],
    model: MODEL,
    apiKey: 'any',
    ...setup.engine,
    isRankingChecked: false,
  }
  const config = {
    engines: { up: { ...engine, dimension: 1024, window: 8192 } },
    models: { [MODEL]: { engine: 'up', dimensions: [1024] } },
  }
  await writeFile(configFile, JSON.stringify(config))
  return startServer({ QUIVER_CONFIG: configFile, QUIVER_THREADS: '1' })
}

async function measureWay(
  { setup, callers, direct, through }: Way,
  servers: { direct: ServerProcess; through: ServerProcess; durationMs: number; rounds: number },
): Promise<void> {
  const load = { texts: madeUpTexts(16, 100), batch: setup.texts, encoding: 'base64', model: MODEL } as const
  const measure = async (server: ServerProcess, durationMs: number): Promise<Round & { requests: number }> => {
    const before = server.cost().cpuSeconds
    const result = await runLoad({ ...load, url: server.url, concurrency: callers, durationMs })
    if (result.errors > 0) throw new Error(`${result.errors} requests failed`)
    const requests = result.latenciesMs.length
    return {
      requests,
      p50Ms: percentile(result.latenciesMs, 0.5),
      perSecond: requests / result.seconds,
      cpuMs: ((server.cost().cpuSeconds - before) * 1000) / requests,
    }
  }
  for (const server of [servers.direct, servers.through]) {
    for (let done = 0; done < WARM_UP_REQUESTS; ) done += (await measure(server, 500)).requests
  }
  for (let round = 0; round < servers.rounds; round++) {
    direct.push(await measure(servers.direct, servers.durationMs))
    through.push(await measure(servers.through, servers.durationMs))
  }
}

function describeLatency(ways: readonly Way[]): Section {
  return {
    title: 'Added time',
    notes: [
      'POST /v1/embeddings with base64 answers of 1,024 components, one caller, kept connections. The upstream is the whole path of `quiver serve` with its vectors ready; the gateway is `quiver serve` with an `upstream` engine that speaks OpenAI to it. Median of the rounds (least, most), each round beside its own.',
    ],
    header: ['Request', 'direct p50 ms', 'through p50 ms', 'added ms', 'upstream CPU-ms', 'gateway CPU-ms'],
    rows: ways
      .filter(({ upstream }) => upstream === 'ready')
      .map(({ setup, direct, through }) => [
        setup.name,
        toShort(median(direct.map(({ p50Ms }) => p50Ms))),
        toShort(median(through.map(({ p50Ms }) => p50Ms))),
        spread(through.map(({ p50Ms }, i) => p50Ms - (direct[i]?.p50Ms ?? 0))),
        toShort(median(direct.map(({ cpuMs }) => cpuMs))),
        toShort(median(through.map(({ cpuMs }) => cpuMs))),
      ]),
  }
}

function describeThroughput(ways: readonly Way[]): Section {
  return {
    title: 'Share of the throughput',
    notes: [
      'The same, where the upstream computes as one with a GPU does: two lanes, each busy for 10 ms with a request, the processor free meanwhile. Sixteen callers, more than it can serve at once.',
    ],
    header: ['Request', 'direct requests/s', 'through requests/s', 'share'],
    rows: ways
      .filter(({ upstream }) => upstream === 'device')
      .map(({ setup, direct, through }) => [
        setup.name,
        toShort(median(direct.map(({ perSecond }) => perSecond))),
        toShort(median(through.map(({ perSecond }) => perSecond))),
        spread(through.map(({ perSecond }, i) => perSecond / (direct[i]?.perSecond ?? Number.NaN))),
      ]),
  }
}

function spread(values: readonly number[]): string {
  return `${toShort(median(values))} (${toShort(Math.min(...values))}, ${toShort(Math.max(...values))})`
}

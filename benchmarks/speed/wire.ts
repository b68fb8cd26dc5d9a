import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Catalog } from '@quiver/server/dist/catalog/catalog.js'
import { REPOSITORY } from '../places.js'
import { publish, type Section, toShort } from '../report.js'
import { type Load, runLoad } from './load.js'
import { median, percentile } from './percentile.js'
import { type ServerProcess, startProcess } from './server-process.js'
import { madeUpTexts } from './texts.js'

/** What one server did in one round. */
interface Round {
  perSecond: number
  /** CPU milliseconds of the server for one request. */
  cpuMs: number
  latenciesMs: number[]
}

interface Way {
  server: string
  encoding: Load['encoding']
  callers: number
  rounds: Round[]
}

const BATCH = 10
const ENCODINGS: readonly Load['encoding'][] = ['float', 'base64']
const CALLERS = [1, 8]
/** Counted, not timed: on a busy machine a second may hold ten requests, and the JIT needs many. */
const WARM_UP_REQUESTS = 1_500
const OURS = 'Quiver'
const BARE = 'bare Fastify, JSON.stringify'
const PEER = 'FastAPI, orjson'
const SERVER = fileURLToPath(new URL('./wire-server.js', import.meta.url))

/**
 * From the first byte of a request to the last of the answer, the vectors ready: 10 × 1,024 components.
 *
 * The servers take turns, so that other work on the machine hits all of them.
 */
export async function wire(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: { seconds: { type: 'string', default: '1.5' }, rounds: { type: 'string', default: '7' } },
  })
  const durationMs = Number(values.seconds) * 1000
  const servers = await startServers()
  const ways = ENCODINGS.flatMap((encoding) =>
    CALLERS.flatMap((callers) => [...servers.keys()].map((server): Way => ({ server, encoding, callers, rounds: [] }))),
  )
  try {
    for (const way of ways) if (way.callers > 1) await warmUp(way, servers)
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const way of ways) way.rounds.push(await measure(way, servers, durationMs))
      process.stderr.write(`wire: round ${round + 1} done\n`)
    }
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()))
  }
  publish('From request to answer, the vectors ready', {
    command: ['npm run bench -- wire', ...words].join(' '),
    ...(words.length === 0 ? { file: 'wire.md' } : {}),
    sections: [describeRatios(ways), ...ENCODINGS.map((encoding) => describeWays(encoding, ways))],
  })
}

/** The Python server runs where QUIVER_PEER_PYTHON names an interpreter that has `peer-requirements.txt`. */
async function startServers(): Promise<ReadonlyMap<string, ServerProcess>> {
  const python = process.env.QUIVER_PEER_PYTHON
  const commands: [string, readonly [string, ...string[]]][] = [
    [OURS, [process.execPath, SERVER, 'quiver']],
    [BARE, [process.execPath, SERVER, 'bare']],
  ]
  if (python !== undefined) commands.push([PEER, [python, join(REPOSITORY, 'benchmarks/speed/peer.py')]])
  return new Map(
    await Promise.all(
      commands.map(async ([name, command]): Promise<[string, ServerProcess]> => [name, await startProcess(command)]),
    ),
  )
}

async function warmUp(way: Way, servers: ReadonlyMap<string, ServerProcess>): Promise<void> {
  for (let done = 0; done < WARM_UP_REQUESTS; ) done += (await measure(way, servers, 500)).latenciesMs.length
}

/** @throws {Error} when a request fails: a figure of a server that errs says nothing. */
async function measure(way: Way, servers: ReadonlyMap<string, ServerProcess>, durationMs: number): Promise<Round> {
  const server = servers.get(way.server)
  const [model] = new Catalog().list()
  if (server === undefined || model === undefined) throw new TypeError(`no server ${way.server}, or no model`)
  const before = server.cost().cpuSeconds
  const { latenciesMs, seconds, errors } = await runLoad({
    url: server.url,
    texts: madeUpTexts(16, 100),
    batch: BATCH,
    concurrency: way.callers,
    durationMs,
    encoding: way.encoding,
    model: model.id,
  })
  if (errors > 0) throw new Error(`${way.server} failed ${errors} requests`)
  const cpuMs = ((server.cost().cpuSeconds - before) * 1000) / latenciesMs.length
  return { perSecond: latenciesMs.length / seconds, cpuMs, latenciesMs }
}

function describeRatios(ways: readonly Way[]): Section {
  const others = [...new Set(ways.map(({ server }) => server))].filter((server) => server !== OURS)
  const of = (server: string, { encoding, callers }: Way) =>
    ways.find((way) => way.server === server && way.encoding === encoding && way.callers === callers)?.rounds ?? []
  const row = (ours: Way, other: string) => {
    const pairs = ours.rounds.map((round, i) => ({ round, against: of(other, ours)[i] ?? round }))
    const cells = [
      pairs.map(({ round, against }) => against.cpuMs / round.cpuMs),
      pairs.map(({ round, against }) => round.perSecond / against.perSecond),
    ].map((ratios) => `${toShort(median(ratios))} (${toShort(Math.min(...ratios))}, ${toShort(Math.max(...ratios))})`)
    return [other, ours.encoding, String(ours.callers), ...cells]
  }
  return {
    title: 'How many times faster than the others',
    notes: [
      `POST /v1/embeddings of ${BATCH} texts, answers of ${BATCH} × 1,024 components, taken in turn from 1,000 vectors, for no two answers are alike. ${OURS} is the whole path of \`quiver serve\` (key, limits, parsing, catalog, headers, encoding) with an engine that has its vectors ready. "${BARE}" parses the body and serialises ready arrays of numbers, without key or checks. "${PEER}" is \`benchmarks/speed/peer.py\`: FastAPI on uvicorn with uvloop and httptools, pydantic, orjson from NumPy float32. Median of the rounds (least, most), each round beside its own; kept connections, load from another process on the same cores. On a shared machine read the CPU columns.`,
    ],
    header: ['Against', 'encoding', 'callers', 'CPU a request', 'requests/s'],
    rows: ways.filter(({ server }) => server === OURS).flatMap((ours) => others.map((other) => row(ours, other))),
  }
}

function describeWays(encoding: Load['encoding'], ways: readonly Way[]): Section {
  return {
    title: encoding,
    header: ['Server', 'callers', 'requests/s', 'CPU-ms a request', 'p50 ms', 'p99 ms'],
    rows: ways
      .filter((way) => way.encoding === encoding)
      .map(({ server, callers, rounds }) => {
        const latenciesMs = rounds.flatMap((round) => round.latenciesMs)
        return [
          server,
          String(callers),
          toShort(median(rounds.map(({ perSecond }) => perSecond))),
          median(rounds.map(({ cpuMs }) => cpuMs)).toFixed(3),
          toShort(percentile(latenciesMs, 0.5)),
          toShort(percentile(latenciesMs, 0.99)),
        ]
      }),
  }
}

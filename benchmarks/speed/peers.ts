import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { spearman } from '@quiver/server/dist/vector/spearman.js'
import { cosine } from '@quiver/server/dist/vector/vector.js'
import { DATA, REPOSITORY } from '../places.js'
import { readRows } from '../quality/read-records.js'
import { commitId, publish, type Section, toShort } from '../report.js'
import { runLoad } from './load.js'
import { MODEL, type PeerServer, startPeers } from './peer-servers.js'
import { median, percentile } from './percentile.js'
import type { ServerProcess } from './server-process.js'
import { madeUpTexts } from './texts.js'

/** One kind of load. */
interface Cell {
  texts: keyof ReturnType<typeof textsOf>
  batch: number
  callers: number
  /** Of one round, of all callers together. */
  requests: number
  /** Whether a round takes so long that one comes after five of the others. */
  isHeavy?: boolean
}

interface Round {
  perSecond: number
  perCpuSecond: number
  latenciesMs: number[]
}

/** What every server did in one round, by its name. */
type Turn = Readonly<Record<string, Round>>

/** A second or four of one core each, at least one request a caller; the heavy ones up to a minute. */
const CELLS: readonly Cell[] = [
  { texts: 'short', batch: 1, callers: 1, requests: 80 },
  { texts: 'short', batch: 1, callers: 16, requests: 240 },
  { texts: 'short', batch: 1, callers: 64, requests: 320 },
  { texts: 'medium', batch: 1, callers: 1, requests: 24 },
  { texts: 'medium', batch: 1, callers: 16, requests: 48 },
  { texts: 'medium', batch: 1, callers: 64, requests: 64 },
  { texts: 'long', batch: 1, callers: 1, requests: 16 },
  { texts: 'long', batch: 1, callers: 16, requests: 32 },
  { texts: 'long', batch: 1, callers: 64, requests: 64 },
  { texts: 'mixed', batch: 1, callers: 1, requests: 40 },
  { texts: 'mixed', batch: 1, callers: 16, requests: 80 },
  { texts: 'mixed', batch: 1, callers: 64, requests: 128 },
  { texts: 'short', batch: 32, callers: 1, requests: 6 },
  { texts: 'short', batch: 32, callers: 16, requests: 16 },
  { texts: 'short', batch: 32, callers: 64, requests: 64, isHeavy: true },
  { texts: 'medium', batch: 32, callers: 1, requests: 1 },
  { texts: 'medium', batch: 32, callers: 16, requests: 16, isHeavy: true },
  { texts: 'long', batch: 32, callers: 1, requests: 1 },
  { texts: 'long', batch: 32, callers: 16, requests: 16, isHeavy: true },
  { texts: 'mixed', batch: 32, callers: 1, requests: 2 },
  { texts: 'mixed', batch: 32, callers: 16, requests: 16, isHeavy: true },
  { texts: 'mixed', batch: 32, callers: 64, requests: 64, isHeavy: true },
]
/** More than a round takes, so that no text is ever computed before. */
const TEXTS = 6_000
const FIRST = 'Quiver'
/** As long as a server runs, the first hundreds of requests are nothing; a JIT needs them. */
const WARM_UP_REQUESTS = 2_000

/**
 * The same weights, texts and processor, over HTTP, in Quiver and in the servers that a user would take instead.
 *
 * They take turns in every round, so that other work on the machine hits all of them. What was measured is kept from run
 * to run of one commit: a run goes on where the last one stopped, and after `--minutes` it ends with what there is.
 */
export async function peers(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      rounds: { type: 'string', default: '5' },
      minutes: { type: 'string', default: '24' },
      home: { type: 'string', default: process.env.QUIVER_HOME ?? join(homedir(), '.quiver') },
      only: { type: 'string', default: '' },
      fresh: { type: 'boolean', default: false },
    },
  })
  const endsAt = performance.now() + Number(values.minutes) * 60_000
  const models = process.env.QUIVER_TEST_MODELS ?? join(REPOSITORY, '.cache/test-models')
  const all = await startPeers({ folder: join(models, MODEL), accelerated: values.home })
  try {
    const running = all.servers.flatMap((peer) => ('server' in peer ? [peer] : []))
    const [first, ...others] = running
    if (first === undefined) throw new TypeError('no server runs')
    const kept = KeptTurns.open([commitId(), process.version, ...running.map(({ name }) => name)], values.fresh)
    kept.likeness ??= await compareVectors(first, others)
    const cells = CELLS.filter(({ texts, batch }) => `${texts} ${batch}`.startsWith(values.only))
    await measure(cells, running, { kept, rounds: Number(values.rounds), endsAt })
    publish('Open models over HTTP, beside other servers', {
      command: ['npm run bench -- peers', ...words].join(' '),
      ...(values.only === '' ? { file: 'peers.md' } : {}),
      sections: [
        describeRatios(cells, running, kept),
        ...running.map((peer) => describeServer(peer, cells, kept)),
        describeVectors(kept.likeness),
        describeMissing(all.servers),
      ].filter((section) => section.rows.length > 0),
    })
  } finally {
    await all.stop()
  }
}

function textsOf() {
  const [short, medium, long] = [14, 110, 165].map((tokens) => madeUpTexts(tokens, TEXTS)) as [
    string[],
    string[],
    string[],
  ]
  // Many short ones, some of middling length, a few long: as requests come.
  const mixed = short.map((text, i) => (i % 8 === 0 ? (long[i] as string) : i % 3 === 0 ? (medium[i] as string) : text))
  return { short, medium, long, mixed }
}

interface Running {
  name: string
  server: ServerProcess
}

async function measure(
  cells: readonly Cell[],
  running: readonly Running[],
  { kept, rounds, endsAt }: { kept: KeptTurns; rounds: number; endsAt: number },
): Promise<void> {
  const texts = textsOf()
  const warmUp = madeUpTexts(3, WARM_UP_REQUESTS)
  for (const { server } of running)
    await send(server, { texts: warmUp, batch: 1, callers: 4, requests: WARM_UP_REQUESTS })
  // A round of everything, then the next; the heavy ones at the end.
  const order = [false, true].flatMap((isHeavy) =>
    Array.from({ length: rounds }, (_, round) =>
      cells.filter((cell) => (cell.isHeavy ?? false) === isHeavy).map((cell) => ({ cell, round })),
    ).flat(),
  )
  for (const { cell, round } of order) {
    const key = keyOf(cell)
    if (kept.of(key).length > round) continue
    if (performance.now() > endsAt) return
    // Other texts in every round; and each server is the first of some round.
    const start = (round * cell.requests * cell.batch) % TEXTS
    const own = [...texts[cell.texts].slice(start), ...texts[cell.texts].slice(0, start)]
    const turn: Record<string, Round> = {}
    for (const { name, server } of [
      ...running.slice(round % running.length),
      ...running.slice(0, round % running.length),
    ])
      turn[name] = await send(server, { ...cell, texts: own })
    kept.add(key, turn)
    const rates = running.map(({ name }) => `${name} ${toShort(turn[name]?.perCpuSecond ?? Number.NaN)}`)
    process.stderr.write(`peers: ${key}, round ${round + 1}: ${rates.join(', ')} per CPU-s\n`)
  }
}

const keyOf = ({ texts, batch, callers }: Cell) => `${texts} × ${batch}, ${callers} callers`

/** What was measured, in a file of the system's folder for temporary ones. */
class KeptTurns {
  readonly #path: string
  readonly #turns: Record<string, Turn[]>
  likeness: readonly Likeness[] | undefined

  private constructor(path: string, turns: Record<string, Turn[]>, likeness: readonly Likeness[] | undefined) {
    this.#path = path
    this.#turns = turns
    this.likeness = likeness
  }

  /** @param identity what must be the same for rounds to stand beside each other. */
  static open(identity: readonly string[], isFresh: boolean): KeptTurns {
    const name = createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 12)
    const path = join(tmpdir(), `quiver-bench-peers-${name}.json`)
    if (isFresh || !existsSync(path)) return new KeptTurns(path, {}, undefined)
    // Written below, by this benchmark of the same commit.
    const { turns, likeness } = JSON.parse(readFileSync(path, 'utf8')) as {
      turns: Record<string, Turn[]>
      likeness?: Likeness[]
    }
    process.stderr.write(`peers: goes on with ${path}\n`)
    return new KeptTurns(path, turns, likeness)
  }

  of(key: string): readonly Turn[] {
    return this.#turns[key] ?? []
  }

  add(key: string, turn: Turn): void {
    this.#turns[key] = [...this.of(key), turn]
    writeFileSync(`${this.#path}.part`, JSON.stringify({ turns: this.#turns, likeness: this.likeness }))
    renameSync(`${this.#path}.part`, this.#path)
  }
}

async function send(
  server: ServerProcess,
  { texts, batch, callers, requests }: Omit<Cell, 'texts'> & { texts: readonly string[] },
): Promise<Round> {
  const before = server.cost().cpuSeconds
  const load = { url: server.url, texts, batch, concurrency: callers, model: MODEL, encoding: 'float' } as const
  const { sentences, seconds, latenciesMs, errors } = await runLoad({ ...load, requests })
  if (errors > 0) throw new Error(`${errors} requests failed at ${server.url}`)
  const cpuSeconds = server.cost().cpuSeconds - before
  return { perSecond: sentences / seconds, perCpuSecond: sentences / cpuSeconds, latenciesMs }
}

interface Likeness {
  name: string
  leastCosine: number
  spearman: number
}

/** Vectors of the STS benchmark's sentences, each beside the first server's; without the data, of made-up texts. */
async function compareVectors(first: Running, others: readonly Running[]): Promise<Likeness[]> {
  const path = join(DATA, 'text/eval/stsb_test.tsv.gz')
  const pairs = existsSync(path)
    ? readRows(path).filter(([language]) => language === 'en')
    : madeUpTexts(14, 100).map((text, i) => ['en', String(i % 5), text, text.slice(0, 40)])
  const texts = [...pairs.map(([, , own = '']) => own), ...pairs.map(([, , , own = '']) => own)]
  const scores = pairs.map(([, score]) => Number(score))
  const reference = await vectorsOf(first.server, texts)
  const likeness: Likeness[] = []
  for (const { name, server } of [first, ...others]) {
    const vectors = name === first.name ? reference : await vectorsOf(server, texts)
    const at = (all: readonly Float32Array[], i: number) => all[i] as Float32Array // as many as texts
    likeness.push({
      name,
      leastCosine: Math.min(...texts.map((_, i) => cosine(at(vectors, i), at(reference, i)))),
      spearman: spearman(
        pairs.map((_, i) => cosine(at(vectors, i), at(vectors, pairs.length + i))),
        scores,
      ),
    })
  }
  return likeness
}

async function vectorsOf({ url }: ServerProcess, texts: readonly string[]): Promise<Float32Array[]> {
  const vectors: Float32Array[] = []
  for (let start = 0; start < texts.length; start += 32) {
    const body = JSON.stringify({ model: MODEL, input: texts.slice(start, start + 32), encoding_format: 'float' })
    const headers = { 'content-type': 'application/json', authorization: 'Bearer any' }
    const response = await fetch(`${url}/v1/embeddings`, { method: 'POST', headers, body })
    const { data } = (await response.json()) as { data: { embedding: number[] }[] } // OpenAI's, of every server
    vectors.push(...data.map(({ embedding }) => Float32Array.from(embedding)))
  }
  return vectors
}

function describeRatios(cells: readonly Cell[], running: readonly Running[], kept: KeptTurns): Section {
  const names = running.map(({ name }) => name).filter((name) => name !== FIRST)
  return {
    title: 'Quiver against each, sentences per second and per CPU-second',
    notes: [
      `POST /v1/embeddings with answers of numbers, all-MiniLM-L6-v2 in the same weights, each server pinned to the same processor, the load from another. The servers take turns in every round, each round beside its own: median (least, most). For other servers: how many times as much plain Quiver does; for Quiver's own kinds: how many times as much they do as plain Quiver. The first figure is by the clock, the second by the processor time of the server, which other work on the machine cannot take. TEI computes with the ONNX Runtime library that Quiver uses; sentences per second of a round end with its last answer. 64 callers with 32 medium or long texts each are minutes of one processor a round, and are left out.`,
    ],
    header: ['Texts', 'batch', 'callers', 'rounds', ...names.flatMap((name) => [name, 'CPU'])],
    rows: cells.map((cell) => {
      const turns = kept.of(keyOf(cell))
      return [
        cell.texts,
        String(cell.batch),
        String(cell.callers),
        String(turns.length),
        ...names.flatMap((name) => {
          const [upper, lower] = name.startsWith(FIRST) ? [name, FIRST] : [FIRST, name]
          const ratio = (read: (round: Round | undefined) => number) =>
            spread(turns.map((turn) => read(turn[upper]) / read(turn[lower])))
          return [ratio((round) => round?.perSecond ?? Number.NaN), ratio((round) => round?.perCpuSecond ?? Number.NaN)]
        }),
      ]
    }),
  }
}

function describeServer({ name, server }: Running, cells: readonly Cell[], kept: KeptTurns): Section {
  const { rssMb, peakRssMb } = server.cost()
  return {
    title: name,
    notes: [
      `First answer ${toShort(server.readyAfterMs)} ms after its start; resident memory ${toShort(rssMb)} MB at the end, ${toShort(peakRssMb)} MB at most, all its processes.`,
    ],
    header: ['Texts', 'batch', 'callers', 'sentences/s', 'per CPU-s', 'p50 ms', 'p99 ms'],
    rows: cells.map((cell) => {
      const rounds = kept.of(keyOf(cell)).flatMap((turn) => turn[name] ?? [])
      const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs)
      return [
        cell.texts,
        String(cell.batch),
        String(cell.callers),
        toShort(median(rounds.map(({ perSecond }) => perSecond))),
        toShort(median(rounds.map(({ perCpuSecond }) => perCpuSecond))),
        toShort(percentile(latencies, 0.5)),
        toShort(percentile(latencies, 0.99)),
      ]
    }),
  }
}

function describeVectors(likeness: readonly Likeness[]): Section {
  return {
    title: 'The vectors',
    notes: [
      'English sentences of the STS benchmark’s test part: the least cosine of any with plain Quiver’s, and Spearman of the cosines of its pairs against the human scores.',
    ],
    header: ['Server', 'least cosine', 'STSb Spearman'],
    rows: likeness.map(({ name, leastCosine, spearman: correlation }) => [
      name,
      leastCosine.toFixed(6),
      correlation.toFixed(4),
    ]),
  }
}

function describeMissing(servers: readonly PeerServer[]): Section {
  return {
    title: 'Not measured',
    header: ['Server', 'because'],
    rows: servers.flatMap((peer) => ('skipped' in peer ? [[peer.name, peer.skipped]] : [])),
  }
}

function spread(values: readonly number[]): string {
  return `${toShort(median(values))} (${toShort(Math.min(...values))}, ${toShort(Math.max(...values))})`
}

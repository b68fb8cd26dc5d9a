import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { spearman } from '@quiver/server/dist/vector/spearman.js'
import { cosine } from '@quiver/server/dist/vector/vector.js'
import { DATA, REPOSITORY } from '../places.js'
import { readRows } from '../quality/read-records.js'
import { publish, type Section, toShort } from '../report.js'
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
}

interface Round {
  perSecond: number
  perCpuSecond: number
  latenciesMs: number[]
}

type Results = Map<Cell, Map<string, Round[]>>

/** Enough for a second or two of one core each; the longest take the most. */
const CELLS: readonly Cell[] = [
  { texts: 'short', batch: 1, callers: 1, requests: 80 },
  { texts: 'short', batch: 1, callers: 16, requests: 240 },
  { texts: 'short', batch: 1, callers: 64, requests: 320 },
  { texts: 'medium', batch: 1, callers: 1, requests: 20 },
  { texts: 'medium', batch: 1, callers: 16, requests: 48 },
  { texts: 'medium', batch: 1, callers: 64, requests: 96 },
  { texts: 'long', batch: 1, callers: 1, requests: 14 },
  { texts: 'long', batch: 1, callers: 16, requests: 32 },
  { texts: 'long', batch: 1, callers: 64, requests: 64 },
  { texts: 'mixed', batch: 1, callers: 1, requests: 40 },
  { texts: 'mixed', batch: 1, callers: 16, requests: 80 },
  { texts: 'mixed', batch: 1, callers: 64, requests: 128 },
  { texts: 'short', batch: 32, callers: 1, requests: 6 },
  { texts: 'short', batch: 32, callers: 16, requests: 16 },
  { texts: 'medium', batch: 32, callers: 1, requests: 1 },
  { texts: 'long', batch: 32, callers: 1, requests: 1 },
  { texts: 'mixed', batch: 32, callers: 1, requests: 2 },
]
/** More than a round takes, so that no text is ever computed before. */
const TEXTS = 6_000
const FIRST = 'Quiver'
/** As long as a server runs, the first hundreds of requests are nothing; a JIT needs them. */
const WARM_UP_REQUESTS = 1_000

/**
 * The same weights, texts and processor, over HTTP, in Quiver and in the servers that a user would take instead.
 *
 * They take turns in every round, so that other work on the machine hits all of them.
 */
export async function peers(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      rounds: { type: 'string', default: '5' },
      home: { type: 'string', default: process.env.QUIVER_HOME ?? join(homedir(), '.quiver') },
      only: { type: 'string', default: '' },
    },
  })
  const models = process.env.QUIVER_TEST_MODELS ?? join(REPOSITORY, '.cache/test-models')
  const all = await startPeers({ folder: join(models, MODEL), accelerated: values.home })
  try {
    const running = all.servers.flatMap((peer) => ('server' in peer ? [peer] : []))
    const [first, ...others] = running
    if (first === undefined) throw new TypeError('no server runs')
    const likeness = await compareVectors(first, others)
    const cells = CELLS.filter(({ texts, batch }) => `${texts} ${batch}`.startsWith(values.only))
    const results = await measure(cells, running, Number(values.rounds))
    publish('Open models over HTTP, beside other servers', {
      command: ['npm run bench -- peers', ...words].join(' '),
      ...(words.every((word) => !word.startsWith('--only')) ? { file: 'peers.md' } : {}),
      sections: [
        describeRatios(results, Number(values.rounds)),
        ...running.map((peer) => describeServer(peer, results)),
        describeVectors(likeness),
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

async function measure(cells: readonly Cell[], running: readonly Running[], rounds: number): Promise<Results> {
  const texts = textsOf()
  const warmUp = madeUpTexts(6, WARM_UP_REQUESTS)
  const results: Results = new Map(cells.map((cell) => [cell, new Map(running.map(({ name }) => [name, []]))]))
  for (const { server } of running)
    await send(server, { texts: warmUp, batch: 1, callers: 4, requests: WARM_UP_REQUESTS })
  for (const cell of cells) {
    for (let round = 0; round < rounds; round++) {
      // Other texts in every round; and each server is the first of some round.
      const start = (round * cell.requests * cell.batch) % TEXTS
      const own = [...texts[cell.texts].slice(start), ...texts[cell.texts].slice(0, start)]
      const order = [...running.slice(round % running.length), ...running.slice(0, round % running.length)]
      for (const { name, server } of order) {
        results
          .get(cell)
          ?.get(name)
          ?.push(await send(server, { ...cell, texts: own }))
      }
    }
    const rates = running.map(({ name }) => {
      const own = results.get(cell)?.get(name) ?? []
      return `${name} ${toShort(median(own.map(({ perCpuSecond }) => perCpuSecond)))}`
    })
    process.stderr.write(
      `peers: ${cell.texts} × ${cell.batch}, ${cell.callers} callers: ${rates.join(', ')} per CPU-s\n`,
    )
  }
  return results
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

function describeRatios(results: Results, rounds: number): Section {
  const names = [...([...results.values()][0]?.keys() ?? [])].filter((name) => name !== FIRST)
  return {
    title: 'Quiver against each, sentences per second and per CPU-second',
    notes: [
      `POST /v1/embeddings with answers of numbers, all-MiniLM-L6-v2 in the same weights, each server pinned to the same processor, the load from another. ${rounds} rounds, the servers taking turns, each round beside its own: median (least, most). For other servers: how many times as much plain Quiver does; for Quiver's own kinds: how many times as much they do as plain Quiver. The first figure is by the clock, the second by the processor time of the server, which other work on the machine cannot take. TEI computes with the ONNX Runtime library that Quiver uses; sentences per second of a round end with its last answer.`,
    ],
    header: ['Texts', 'batch', 'callers', ...names.flatMap((name) => [name, 'CPU'])],
    rows: [...results].map(([{ texts, batch, callers }, byName]) => [
      texts,
      String(batch),
      String(callers),
      ...names.flatMap((name) => {
        const [own, other] = [byName.get(FIRST) ?? [], byName.get(name) ?? []]
        const [upper, lower] = name.startsWith(FIRST) ? [other, own] : [own, other]
        const ratio = (read: (round: Round) => number) =>
          spread(upper.map((round, i) => read(round) / read(lower[i] as Round))) // as many rounds
        return [ratio(({ perSecond }) => perSecond), ratio(({ perCpuSecond }) => perCpuSecond)]
      }),
    ]),
  }
}

function describeServer({ name, server }: Running, results: Results): Section {
  const { rssMb, peakRssMb } = server.cost()
  return {
    title: name,
    notes: [
      `First answer ${toShort(server.readyAfterMs)} ms after its start; resident memory ${toShort(rssMb)} MB at the end, ${toShort(peakRssMb)} MB at most, all its processes.`,
    ],
    header: ['Texts', 'batch', 'callers', 'sentences/s', 'per CPU-s', 'p50 ms', 'p99 ms'],
    rows: [...results].map(([{ texts, batch, callers }, byName]) => {
      const rounds = byName.get(name) ?? []
      const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs)
      return [
        texts,
        String(batch),
        String(callers),
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

import { parseArgs } from 'node:util'
import { assemblePipeline, type Pipeline } from '@quiver/server/dist/assemble.js'
import { check } from '@quiver/server/dist/catalog/check.js'
import type { Tokenizer } from '@quiver/server/dist/engines/builtin/tokenizer.js'
import { BUILTIN_WEIGHTS, loadTokenizer } from '@quiver/server/dist/engines/builtin/weights.js'
import { NO_HOME } from '../places.js'
import { publish, type Section, toShort } from '../report.js'
import { type BareSession, openBareSession } from './bare-session.js'
import { median, percentile } from './percentile.js'
import { madeUpTexts, realSentences, type TextSet } from './texts.js'

/** Wall-clock and processor time of some work. */
interface Cost {
  sentences: number
  wallSeconds: number
  cpuSeconds: number
}

interface SetResult {
  name: string
  /** Mean, without prompt and special ids. */
  tokens: number
  pipeline: Cost
  bare: Cost
  tokenizer: Cost
  /** CPU seconds of the pipeline over those of the bare network, one for each round. */
  ratios: number[]
}

const BATCH = 10
/** Requests in flight, so that the worker never waits. */
const IN_FLIGHT = 2
const { signal } = new AbortController()

/**
 * The engine in this process with one worker thread, beside the same network in a bare loop.
 *
 * The three ways take turns on the same texts, so that other work on the machine hits all of them.
 */
export async function engine(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...words], options: { rounds: { type: 'string', default: '6' } } })
  const rounds = Number(values.rounds)
  const rssMb = [rssNow()]
  const pipeline = await assemblePipeline(
    { threads: 1, maxQueuedInputs: 2_000, cacheBytes: 0, home: NO_HOME, models: {}, engines: {}, ffmpeg: 'ffmpeg' },
    signal,
  )
  rssMb.push(rssNow())
  const sets = textSets(rounds)
  const latencies = []
  for (const { name, texts } of sets) latencies.push({ name, ...(await measureLatency(pipeline, texts)) })
  rssMb.push(rssNow())
  const bare = await openBareSession()
  const tokenizer = await loadTokenizer(BUILTIN_WEIGHTS)
  const results: SetResult[] = []
  for (const set of sets) results.push(await measureSet(set, { pipeline, tokenizer, bare, rounds }))
  await bare.close()
  await pipeline.close()
  publish('Speed of the built-in engine in process', {
    command: ['npm run bench -- engine', ...words].join(' '),
    ...(words.length === 0 ? { file: 'engine.md' } : {}),
    sections: [describeThroughput(results, rounds), describeLatency(latencies), describeMemory(rssMb)],
  })
}

function textSets(rounds: number): TextSet[] {
  const real = realSentences(100 * rounds)
  return [
    { name: 'short, made up', texts: madeUpTexts(16, 100 * rounds) },
    { name: 'medium, made up', texts: madeUpTexts(128, 30 * rounds) },
    { name: 'long, made up', texts: madeUpTexts(495, 10 * rounds) },
    ...(real === undefined ? [] : [{ name: 'STSb sentences, en and zh', texts: real }]),
  ]
}

async function measureSet(
  { name, texts }: TextSet,
  {
    pipeline,
    tokenizer,
    bare,
    rounds,
  }: { pipeline: Pipeline; tokenizer: Tokenizer; bare: BareSession; rounds: number },
): Promise<SetResult> {
  const size = Math.floor(texts.length / rounds)
  const ids = texts.map((text) => tokenizer.tokenize(text, 8_192).ids)
  const result: SetResult = {
    name,
    tokens: ids.reduce((sum, { length }) => sum + length, 0) / ids.length,
    pipeline: { sentences: 0, wallSeconds: 0, cpuSeconds: 0 },
    bare: { sentences: 0, wallSeconds: 0, cpuSeconds: 0 },
    tokenizer: { sentences: 0, wallSeconds: 0, cpuSeconds: 0 },
    ratios: [],
  }
  await embedAll(pipeline, texts.slice(0, BATCH), BATCH) // warm
  for (let round = 0; round < rounds; round++) {
    const part = texts.slice(round * size, (round + 1) * size)
    const sequences = ids.slice(round * size, (round + 1) * size).map(bare.toSequence)
    const before = result.pipeline.cpuSeconds
    const bareBefore = result.bare.cpuSeconds
    await charge(result.pipeline, part.length, () => embedAll(pipeline, part, BATCH))
    await charge(result.bare, part.length, async () => {
      for (const sequence of sequences) await bare.run(sequence)
    })
    await charge(result.tokenizer, part.length, async () => {
      for (const text of part) tokenizer.tokenize(text, 8_192)
    })
    result.ratios.push((result.pipeline.cpuSeconds - before) / (result.bare.cpuSeconds - bareBefore))
  }
  return result
}

async function charge(cost: Cost, sentences: number, work: () => Promise<unknown>): Promise<void> {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await work()
  cost.wallSeconds += (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  cost.cpuSeconds += (user + system) / 1e6
  cost.sentences += sentences
}

/** Requests of `batch` texts, a few in flight. @returns how long each took. */
async function embedAll(
  pipeline: Pipeline,
  texts: readonly string[],
  batch: number,
  inFlight = IN_FLIGHT,
): Promise<number[]> {
  const latenciesMs: number[] = []
  let next = 0
  const lane = async () => {
    while (next < texts.length) {
      const inputs = texts.slice(next, next + batch)
      next += batch
      const startedAt = performance.now()
      await embedOne(pipeline, inputs)
      latenciesMs.push(performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return latenciesMs
}

function embedOne(pipeline: Pipeline, inputs: readonly string[]): Promise<unknown> {
  const [model] = pipeline.catalog.list()
  if (model === undefined) throw new TypeError('the catalog is empty')
  const fields = { inputs: 'texts', dimension: 'dimension' }
  const request = {
    model: model.id,
    inputs: [...inputs],
    textType: 'document' as const,
    outputType: 'dense' as const,
    fields,
  }
  return pipeline.embed(check(request, pipeline.catalog), { signal })
}

async function measureLatency(pipeline: Pipeline, texts: readonly string[]): Promise<{ one: number[]; ten: number[] }> {
  const half = Math.ceil(texts.length / 2)
  return {
    one: await embedAll(pipeline, texts.slice(0, half), 1, 1),
    ten: await embedAll(pipeline, texts.slice(half), BATCH, 1),
  }
}

function describeThroughput(results: readonly SetResult[], rounds: number): Section {
  return {
    title: 'Sentences per second, one worker thread',
    notes: [
      `Requests of ${BATCH} texts, ${IN_FLIGHT} in flight; ${rounds} rounds, the ways taking turns. CPU-seconds count all threads of the process: on a shared machine read those, not the clock. "Bare" is the same ONNX file in a plain loop on the main thread, ids ready: no tokenizer, no threads, no checks. Ratio: CPU of the pipeline over CPU of the bare loop, median of the rounds (least, most).`,
    ],
    header: ['Texts', 'tokens', '/s', '/CPU-s', 'bare /s', 'bare /CPU-s', 'ratio', 'tokenizer alone /CPU-s'],
    rows: results.map(({ name, tokens, pipeline, bare, tokenizer, ratios }) => [
      name,
      tokens.toFixed(1),
      toShort(pipeline.sentences / pipeline.wallSeconds),
      toShort(pipeline.sentences / pipeline.cpuSeconds),
      toShort(bare.sentences / bare.wallSeconds),
      toShort(bare.sentences / bare.cpuSeconds),
      `${toShort(median(ratios))} (${toShort(Math.min(...ratios))}, ${toShort(Math.max(...ratios))})`,
      toShort(tokenizer.sentences / tokenizer.cpuSeconds),
    ]),
  }
}

function describeLatency(latencies: readonly { name: string; one: number[]; ten: number[] }[]): Section {
  return {
    title: 'Latency of one request at a time, ms',
    header: ['Texts', '1 text: p50', 'p99', `${BATCH} texts: p50`, 'p99'],
    rows: latencies.map(({ name, one, ten }) => [
      name,
      ...[one, ten].flatMap((own) => [toShort(percentile(own, 0.5)), toShort(percentile(own, 0.99))]),
    ]),
  }
}

function describeMemory([before = 0, loaded = 0, worked = 0]: readonly number[]): Section {
  return {
    title: 'Resident memory of the process, MB',
    header: ['', 'MB'],
    rows: [
      ['Before the engine', before.toFixed(0)],
      ['Engine loaded and verified', loaded.toFixed(0)],
      ['After the latency runs', worked.toFixed(0)],
    ],
  }
}

function rssNow(): number {
  return process.memoryUsage.rss() / 2 ** 20
}

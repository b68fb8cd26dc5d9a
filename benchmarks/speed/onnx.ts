import { setMaxListeners } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Batcher } from '@quiver/server/dist/embedding/batcher.js'
import type { Engine } from '@quiver/server/dist/engines/engine.js'
import { findAccelerator } from '@quiver/server/dist/engines/onnx/accelerator.js'
import { startOnnxEngine } from '@quiver/server/dist/engines/onnx/engine.js'
import { createTokenizer } from '@quiver/server/dist/engines/tokenizers/create-tokenizer.js'
import { REPOSITORY } from '../places.js'
import { publish, type Section, toShort } from '../report.js'
import { median } from './percentile.js'
import { costOf } from './process-cost.js'
import { madeUpTexts, type TextSet } from './texts.js'

/** The part of onnxruntime-node that is used here. */
interface OnnxRuntime {
  InferenceSession: {
    create(
      path: string,
      options: object,
    ): Promise<{ inputNames: readonly string[]; run(inputs: object): Promise<unknown>; release(): Promise<void> }>
  }
  Tensor: new (type: 'int64', data: BigInt64Array, shape: readonly number[]) => object
}

/** Runs token sequences through the network. */
type Loop = (sequences: readonly number[][]) => Promise<void>

interface SetResult {
  name: string
  tokens: number
  /** Tokens per CPU-second of each way, one for each round. */
  rates: { engine: number[]; accelerated: number[]; alone: number[]; batched: number[]; tokenizer: number[] }
}

const NO_ABORT = new AbortController().signal
setMaxListeners(0, NO_ABORT)
const TEXTS_PER_ROUND = 24
const BATCH = 32

/**
 * A pulled model in the server's ONNX engine, beside a bare onnxruntime-node loop over the same weights and texts: one
 * text at a time, and 32 at a time in the order in which they come, padded to the longest.
 *
 * The ways take turns, so that other work on the machine hits all of them.
 */
export async function onnx(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      rounds: { type: 'string', default: '5' },
      model: { type: 'string', default: 'all-minilm-l6-v2' },
      home: { type: 'string', default: process.env.QUIVER_HOME ?? join(homedir(), '.quiver') },
    },
  })
  const rounds = Number(values.rounds)
  const models = process.env.QUIVER_TEST_MODELS ?? join(REPOSITORY, '.cache/test-models')
  const folder = join(models, values.model)
  const startedAt = performance.now()
  const engine = await startOnnxEngine({ folder, threads: 1, signal: NO_ABORT })
  const readyMs = performance.now() - startedAt
  const [child] = children()
  const accelerator = findAccelerator(values.home)
  const accelerated =
    accelerator === undefined ? undefined : await startOnnxEngine({ folder, threads: 1, accelerator, signal: NO_ABORT })
  const bare = await openBare(folder)
  const results: SetResult[] = []
  for (const set of textSets(rounds)) results.push(await measure(set, { engine, accelerated, folder, bare, rounds }))
  await bare.close()
  const memory = child === undefined ? undefined : costOf(child)
  await Promise.all([engine.close(), accelerated?.close()])
  publish('Speed of the ONNX engine in process', {
    command: ['npm run bench -- onnx', ...words].join(' '),
    ...(words.length === 0 ? { file: 'onnx.md' } : {}),
    sections: [
      describe(results, values.model, rounds),
      {
        title: 'Start and memory',
        header: ['', ''],
        rows: [
          ['Start to verified and warm, ms', toShort(readyMs)],
          ['Model process, MB now', toShort(memory?.rssMb ?? Number.NaN)],
          ['Model process, MB at most', toShort(memory?.peakRssMb ?? Number.NaN)],
        ],
      },
    ],
  })
}

function textSets(rounds: number): TextSet[] {
  const [short, medium, long] = [14, 110, 210].map((tokens) => madeUpTexts(tokens, TEXTS_PER_ROUND * rounds)) as [
    string[],
    string[],
    string[],
  ]
  // Many short ones, some of middling length, a few long: as requests come.
  const mixed = short.map((text, i) => (i % 8 === 0 ? (long[i] as string) : i % 3 === 0 ? (medium[i] as string) : text))
  return [
    { name: 'short', texts: short },
    { name: 'medium', texts: medium },
    { name: 'long', texts: long },
    { name: 'mixed', texts: mixed },
  ]
}

async function measure(
  { name, texts }: TextSet,
  {
    engine,
    accelerated,
    folder,
    bare,
    rounds,
  }: {
    engine: Engine
    accelerated: Engine | undefined
    folder: string
    bare: { alone: Loop; batched: Loop }
    rounds: number
  },
): Promise<SetResult> {
  const tokenizer = createTokenizer(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')))
  const embed = embedderOf(engine)
  const embedFast = accelerated && embedderOf(accelerated)
  const framed = (text: string) => {
    const { before, after } = tokenizer.frame
    return [...before, ...tokenizer.tokenize(text, engine.window).ids, ...after]
  }
  const result: SetResult = {
    name,
    tokens: 0,
    rates: { engine: [], accelerated: [], alone: [], batched: [], tokenizer: [] },
  }
  await embed(texts.slice(0, 8)) // warm
  await embedFast?.(texts.slice(0, 8))
  await bare.batched(texts.slice(0, 8).map(framed))
  for (let round = 0; round < rounds; round++) {
    const part = texts.slice(round * TEXTS_PER_ROUND, (round + 1) * TEXTS_PER_ROUND)
    const sequences = part.map(framed)
    const tokens = sequences.reduce((sum, { length }) => sum + length, 0)
    result.tokens += tokens / TEXTS_PER_ROUND / rounds
    const rate = async (work: () => Promise<unknown>) => tokens / (await cpuSecondsOf(work))
    result.rates.engine.push(await rate(() => embed(part)))
    if (embedFast) result.rates.accelerated.push(await rate(() => embedFast(part)))
    result.rates.alone.push(await rate(() => bare.alone(sequences)))
    result.rates.batched.push(await rate(() => bare.batched(sequences)))
    result.rates.tokenizer.push(await rate(async () => part.map((text) => tokenizer.tokenize(text, 8_192))))
  }
  return result
}

/** All texts at once, as requests that meet in the batcher. */
function embedderOf(engine: Engine): (part: readonly string[]) => Promise<unknown> {
  const batcher = new Batcher(engine, { maxQueued: 10_000 })
  return (part) =>
    Promise.all(
      part.map(async (text, i) => {
        const { passes } = await engine.prepare(text, {
          textType: 'document',
          maxTokens: 8_192,
          keep: 'start',
          signal: NO_ABORT,
        })
        const claim = { caller: 'bench', request: { i }, priority: 'interactive', signal: NO_ABORT } as const
        return Promise.all(passes.map((pass) => batcher.run(pass, claim)))
      }),
    )
}

/** Of this process and of those that it started. */
async function cpuSecondsOf(work: () => Promise<unknown>): Promise<number> {
  const now = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6 + children().reduce((sum, pid) => sum + costOf(pid).cpuSeconds, 0)
  }
  const before = now()
  await work()
  return now() - before
}

function children(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

/** The network alone, on this thread, tokens ready, and nothing done with what comes out. */
async function openBare(folder: string): Promise<{ alone: Loop; batched: Loop; close(): Promise<void> }> {
  // The server's own copy, so that both ways run the same code.
  const requireAsServer = createRequire(join(REPOSITORY, 'packages/server/package.json'))
  const { InferenceSession, Tensor } = requireAsServer('onnxruntime-node') as OnnxRuntime
  const session = await InferenceSession.create(join(folder, 'onnx/model.onnx'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  })
  const run = async (sequences: readonly number[][]) => {
    const width = Math.max(...sequences.map(({ length }) => length))
    const tensor = (value: (sequence: readonly number[], column: number) => number) =>
      new Tensor(
        'int64',
        BigInt64Array.from(sequences.flatMap((own) => Array.from({ length: width }, (_, i) => BigInt(value(own, i))))),
        [sequences.length, width],
      )
    const inputs: Record<string, object> = {
      input_ids: tensor((own, i) => own[i] ?? 0),
      attention_mask: tensor((own, i) => (i < own.length ? 1 : 0)),
      token_type_ids: tensor(() => 0),
    }
    await session.run(Object.fromEntries(session.inputNames.map((name) => [name, inputs[name]])))
  }
  return {
    async alone(sequences) {
      for (const sequence of sequences) await run([sequence])
    },
    async batched(sequences) {
      for (let start = 0; start < sequences.length; start += BATCH) await run(sequences.slice(start, start + BATCH))
    },
    close: () => session.release(),
  }
}

function describe(results: readonly SetResult[], model: string, rounds: number): Section {
  const ratio = (own: readonly number[], other: readonly number[]) => {
    const ratios = own.map((rate, round) => rate / (other[round] ?? Number.NaN))
    return `${toShort(median(ratios))} (${toShort(Math.min(...ratios))}, ${toShort(Math.max(...ratios))})`
  }
  return {
    title: `Tokens per CPU-second, ${model}, one thread`,
    notes: [
      `${rounds} rounds of ${TEXTS_PER_ROUND} texts that come at once, the ways taking turns; CPU of this process and of the model's. Engine: tokenizer, batcher, model process, pooling. Bare: the same file and onnxruntime-node in a plain loop, tokens ready and nothing pooled, one text at a time, or ${BATCH} at a time as they come, padded to the longest. Accelerated: the engine with OpenVINO in bfloat16, where it is installed. Ratios: median of the rounds (least, most).`,
    ],
    header: [
      'Texts',
      'tokens',
      'engine',
      'bare, alone',
      'bare, batched',
      'engine : alone',
      'engine : batched',
      'accelerated',
      'accelerated : engine',
      'tokenizer alone',
    ],
    rows: results.map(({ name, tokens, rates }) => [
      name,
      tokens.toFixed(1),
      toShort(median(rates.engine)),
      toShort(median(rates.alone)),
      toShort(median(rates.batched)),
      ratio(rates.engine, rates.alone),
      ratio(rates.engine, rates.batched),
      toShort(median(rates.accelerated)),
      ratio(rates.accelerated, rates.engine),
      toShort(median(rates.tokenizer)),
    ]),
  }
}

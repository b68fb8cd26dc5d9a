import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Engine } from '@quiver/server/dist/engines/engine.js'
import { startLlamaCppEngine } from '@quiver/server/dist/engines/llama-cpp/engine.js'
import { findAccelerator } from '@quiver/server/dist/engines/onnx/accelerator.js'
import { startOnnxEngine } from '@quiver/server/dist/engines/onnx/engine.js'
import { publish, toShort } from '../report.js'
import { median } from './percentile.js'
import { costOf } from './process-cost.js'

const { signal } = new AbortController()

/** Texts at a time × their tokens. */
const SHAPES: readonly (readonly [texts: number, tokens: number])[] = [
  [1, 16],
  [8, 16],
  [1, 128],
  [1, 512],
]

/** An engine in a process of its own. */
interface Way {
  name: string
  engine: Engine
  pid: number
  readyMs: number
  loadedMb: number
}

/**
 * `npm run bench -- llama-cpp MODEL.gguf [--onnx FOLDER …]`: tokens per CPU-second of engines with one thread, and the memory
 * of their processes: llama.cpp, and ONNX folders of the same shape beside it. They take turns.
 *
 * The weights may be random: only their shape matters here, so no engine has to prove itself.
 */
export async function llamaCpp(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      home: { type: 'string', default: join(homedir(), '.quiver') },
      onnx: { type: 'string', multiple: true, default: [] },
      /** ONNX folders that OpenVINO computes in bfloat16, where it is installed in the home. */
      bf16: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '5' },
      /** A last pass of so many tokens, for the memory that it takes. */
      longest: { type: 'string', default: '0' },
    },
  })
  const [file] = positionals
  if (file === undefined) throw new TypeError('name a GGUF file: npm run bench -- llama-cpp MODEL.gguf [--home DIR]')
  const options = { threads: 1, signal, isProven: false }
  const accelerator = findAccelerator(values.home)
  const ways = [await open('llama.cpp', () => startLlamaCppEngine({ file, home: values.home, ...options }))]
  for (const folder of values.onnx) {
    ways.push(await open(`ONNX, ${folder}`, () => startOnnxEngine({ folder, ...options })))
  }
  for (const folder of values.bf16) {
    if (accelerator === undefined) throw new TypeError(`there is no accelerator in ${values.home}: quiver accelerate`)
    ways.push(await open(`OpenVINO bf16, ${folder}`, () => startOnnxEngine({ folder, accelerator, ...options })))
  }
  const speeds = await measure(ways, Number(values.rounds))
  const peaks = ways.map(({ pid }) => costOf(pid).peakRssMb)
  const longest = Number(values.longest)
  if (longest > 0) for (const { engine } of ways) await embed(engine, [longest, 16, 16, 16])
  publish('Speed of the llama-cpp engine', {
    command: ['npm run bench -- llama-cpp', ...words].join(' '),
    sections: [
      {
        title: 'Tokens per CPU-second, one thread',
        notes: ['Passes of a row come at once. Median of the rounds; in brackets how many times the first engine’s.'],
        header: ['texts × tokens', ...ways.map(({ name }) => name)],
        rows: SHAPES.map(([texts, tokens], row) => [
          `${texts} × ${tokens}`,
          ...ways.map((_, column) => {
            const [own, first] = [speeds[row]?.[column] ?? [], speeds[row]?.[0] ?? []]
            const ratio = median(own.map((rate, i) => rate / (first[i] ?? Number.NaN)))
            return `${toShort(median(own))} (${toShort(ratio)})`
          }),
        ]),
      },
      {
        title: 'Start and memory of the process',
        header: ['', ...ways.map(({ name }) => name)],
        rows: [
          ['Start to ready, ms', ...ways.map(({ readyMs }) => toShort(readyMs))],
          ['MB when loaded', ...ways.map(({ loadedMb }) => toShort(loadedMb))],
          ['MB at most, with the passes above', ...peaks.map(toShort)],
          ...(longest > 0
            ? [[`MB at most, with ${longest} tokens`, ...ways.map(({ pid }) => toShort(costOf(pid).peakRssMb))]]
            : []),
        ],
      },
    ],
  })
  await Promise.all(ways.map(({ engine }) => engine.close()))
}

async function open(name: string, start: () => Promise<Engine>): Promise<Way> {
  const before = new Set(children())
  const startedAt = performance.now()
  const engine = await start()
  const readyMs = performance.now() - startedAt
  const [pid, ...others] = children().filter((own) => !before.has(own))
  if (pid === undefined || others.length > 0) throw new TypeError(`${name}: expected one child process more`)
  process.stderr.write(`llama-cpp: ${name} is loaded\n`)
  return { name, engine, pid, readyMs, loadedMb: costOf(pid).rssMb }
}

/** rates[row of SHAPES][way][round] */
async function measure(ways: readonly Way[], rounds: number): Promise<number[][][]> {
  const rates: number[][][] = SHAPES.map(() => ways.map(() => []))
  for (const [row, [texts, tokens]] of SHAPES.entries()) {
    const lengths = Array.from({ length: texts }, () => tokens)
    for (const { engine } of ways) await embed(engine, lengths)
    for (let round = 0; round < rounds; round++) {
      for (const [column, { engine, pid }] of ways.entries()) {
        const before = costOf(pid).cpuSeconds
        // Ticks are 10 ms: enough passes for a hundred of them.
        const repeats = Math.max(1, Math.round(96 / (texts * tokens)))
        for (let i = 0; i < repeats; i++) await embed(engine, lengths)
        rates[row]?.[column]?.push((repeats * texts * tokens) / (costOf(pid).cpuSeconds - before))
      }
    }
    process.stderr.write(`llama-cpp: ${texts} × ${tokens}: done\n`)
  }
  return rates
}

/** Passes of these lengths, special tokens included, all at once. */
async function embed(engine: Engine, lengths: readonly number[]): Promise<void> {
  const passes = await Promise.all(
    lengths.map(async (length, i) => {
      const options = { textType: 'document', maxTokens: length - 1, keep: 'start', signal } as const
      const { passes: own } = await engine.prepare(`${i} ${'word '.repeat(length)}`, options)
      return own
    }),
  )
  await engine.embed(passes.flat(), { signal })
}

function children(): number[] {
  return readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number)
}

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startLlamaCppEngine } from '@quiver/server/dist/engines/llama-cpp/engine.js'
import { publish, toShort } from '../report.js'
import { median } from './percentile.js'
import { costOf } from './process-cost.js'

const { signal } = new AbortController()
const LENGTHS = [16, 128, 512]

/**
 * `npm run bench -- llama-cpp MODEL.gguf`: tokens per CPU-second of the engine's process with one thread, and its memory.
 *
 * The weights may be random: only their shape matters here, so the file's pooling is taken for granted.
 */
export async function llamaCpp(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      home: { type: 'string', default: join(homedir(), '.quiver') },
      seconds: { type: 'string', default: '20' },
    },
  })
  const [file] = positionals
  if (file === undefined) throw new TypeError('name a GGUF file: npm run bench -- llama-cpp MODEL.gguf [--home DIR]')
  const engine = await startLlamaCppEngine({ file, home: values.home, threads: 1, signal, isProven: false })
  const pid = childPid()
  const loaded = costOf(pid)
  const rows: string[][] = []
  for (const length of LENGTHS) {
    const { passes } = await engine.prepare('word '.repeat(length), {
      textType: 'document',
      maxTokens: length - 1, // and the end token
      keep: 'start',
      signal,
    })
    const tokens = passes.reduce((sum, pass) => sum + pass.tokens, 0)
    await engine.embed(passes, { signal })
    const rates: number[] = []
    const end = performance.now() + Number(values.seconds) * 1000
    while (performance.now() < end || rates.length < 2) {
      const before = costOf(pid).cpuSeconds
      // Ticks are 10 ms: enough passes for a hundred of them.
      const repeats = Math.max(1, Math.round(64 / length))
      for (let i = 0; i < repeats; i++) await engine.embed(passes, { signal })
      rates.push((repeats * tokens) / (costOf(pid).cpuSeconds - before))
    }
    const { peakRssMb } = costOf(pid)
    rows.push([String(length), toShort(median(rates)), String(rates.length), peakRssMb.toFixed(0)])
  }
  await engine.close()
  publish('Speed of the llama-cpp engine', {
    command: ['npm run bench -- llama-cpp', ...words].join(' '),
    sections: [
      {
        title: `One pass at a time, one thread; ${loaded.rssMb.toFixed(0)} MB resident when loaded`,
        header: ['tokens a pass', 'tokens per CPU-second', 'rounds', 'peak memory, MB'],
        rows,
      },
    ],
  })
}

/** The engine's process: the only child of this one. */
function childPid(): number {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ')
  const [pid] = children
  if (pid === undefined || children.length !== 1) throw new TypeError(`expected one child process, found ${children}`)
  return Number(pid)
}

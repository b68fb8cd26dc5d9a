import { parseArgs } from 'node:util'
import { startBuiltinEngine } from '@quiver/server/dist/engines/builtin/engine.js'
import { startBuiltinImageEngine } from '@quiver/server/dist/engines/builtin-image/engine.js'
import type { MultimodalEngine } from '@quiver/server/dist/engines/multimodal-engine.js'
import type { Picture } from '@quiver/server/dist/media/picture.js'
import { publish, type Section, toShort } from '../report.js'
import { median } from './percentile.js'

/** Pixels. */
const SIZES = [
  [224, 224],
  [640, 480],
  [1920, 1080],
  [4000, 3000],
] as const
const CAPTION = 'two dogs play with a red ball in the snow'
const { signal } = new AbortController()

/** The built-in picture engine in this process with one thread: decoded pictures and texts in, vectors out. */
export async function builtinImage(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...words], options: { rounds: { type: 'string', default: '7' } } })
  const rounds = Number(values.rounds)
  const before = rssMb()
  const textEngine = await startBuiltinEngine({ threads: 1, signal })
  const withText = rssMb()
  const begin = process.cpuUsage()
  const engine = await startBuiltinImageEngine({ threads: 1, textEngine, signal })
  const startSeconds = cpuSecondsSince(begin)
  const loaded = rssMb()
  const costs = SIZES.map(() => [] as number[])
  const texts: number[] = []
  for (let round = 0; round < rounds; round++) {
    for (const [i, [width, height]] of SIZES.entries()) {
      const pictures = Array.from({ length: width > 2000 ? 2 : 20 }, (_, seed) => paint(width, height, seed))
      costs[i]?.push(await cost(pictures.length, () => engine.embedPictures(pictures, { signal })))
    }
    texts.push(await cost(50, () => embedCaptions(engine, 50)))
  }
  const peak = rssMb()
  await engine.close()
  await textEngine.close()
  publish('Speed of the built-in picture model in process', {
    command: ['npm run bench -- builtin-image', ...words].join(' '),
    ...(words.length === 0 ? { file: 'builtin-image-speed.md' } : {}),
    sections: [
      describeCosts(costs, texts, rounds),
      {
        title: 'Start and memory',
        header: ['', ''],
        rows: [
          ['start, canary included, CPU seconds', toShort(startSeconds)],
          ['RSS before, MB', toShort(before)],
          ['RSS with the text engine, MB', toShort(withText)],
          ['RSS with both, MB', toShort(loaded)],
          ['RSS at the end, MB', toShort(peak)],
        ],
      },
    ],
  })
}

async function embedCaptions(engine: MultimodalEngine, count: number): Promise<void> {
  const captions = await Promise.all(
    Array.from({ length: count }, (_, i) => engine.tokenize(`${CAPTION} ${i}`, { maxTokens: 512, signal })),
  )
  await engine.embedTexts(captions, { signal })
}

function describeCosts(costs: readonly number[][], texts: readonly number[], rounds: number): Section {
  const row = (name: string, seconds: readonly number[]) => {
    const one = median(seconds)
    return [name, toShort(one * 1000), toShort(1 / one)]
  }
  return {
    title: 'One core',
    notes: [
      `Decoded pictures to vectors, resizing included, decoding not. Median of ${rounds} rounds that took turns.`,
    ],
    header: ['input', 'CPU ms', 'per CPU-second'],
    rows: [
      ...SIZES.map(([width, height], i) => row(`picture ${width} × ${height}`, costs[i] ?? [])),
      row(`text of ${CAPTION.split(' ').length} words`, texts),
    ],
  }
}

/** CPU seconds of one of `count` inputs, all threads of this process together. */
async function cost(count: number, compute: () => Promise<unknown>): Promise<number> {
  const begin = process.cpuUsage()
  await compute()
  return cpuSecondsSince(begin) / count
}

function cpuSecondsSince(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1e6
}

function rssMb(): number {
  return process.memoryUsage.rss() / 2 ** 20
}

/** A picture that is smooth in places and busy in others. */
function paint(width: number, height: number, seed: number): Picture {
  const rgb = new Uint8Array(width * height * 3)
  for (let i = 0; i < rgb.length; i++) rgb[i] = ((i * (seed + 3)) % 251) ^ (i >> 9)
  return { width, height, rgb }
}

import { z } from 'zod'
import type { Picture } from '../../media/picture.js'
import { cosine } from '../../vector/vector.js'
import type { MultimodalEngine } from '../multimodal-engine.js'
import { GOLDEN_PATH, ROUNDED_COSINE } from '../pulled/canary.js'
import { ModelError, type ModelFolder } from '../pulled/model-folder.js'

const vector = z.array(z.number()).min(1)
/** Vectors that whoever made the model's folder computed with the reference implementation. */
const GoldenFile = z.object({
  tolerance: z.object({ cosine: z.number().max(1) }),
  texts: z.array(z.object({ text: z.string(), dense: vector })).min(1),
  pictures: z
    .array(
      z.object({
        width: z.int().positive(),
        height: z.int().positive(),
        rgb: z.base64().describe('Rows from the top, three bytes a pixel.'),
        dense: vector,
      }),
    )
    .min(1),
})
const SIDE = 64

/** Two plain pictures, and what each is called in the languages that such models know. */
const CONTRASTS = [
  [
    plain(220, 20, 20),
    plain(20, 40, 220),
    [
      ['a red picture', 'a blue picture'],
      ['红色', '蓝色'],
    ],
  ],
  [
    plain(250, 250, 250),
    plain(5, 5, 5),
    [
      ['a white picture', 'a black picture'],
      ['白色', '黑色'],
    ],
  ],
] as const

/**
 * A model proves itself before it serves: its golden vectors, where its folder has them, or else that it calls red red and
 * blue blue. Swapped channels, a lost end token, another padding or a broken file fail here.
 *
 * @param options.isRounded whether it computes in a shorter number format than the golden vectors' authors.
 * @throws {ModelError} saying which case failed, and by how much.
 */
export async function proveItself(
  engine: MultimodalEngine,
  folder: Pick<ModelFolder, 'optionalJson'>,
  { isRounded, signal }: { isRounded: boolean; signal: AbortSignal },
): Promise<void> {
  const golden = await folder.optionalJson(GOLDEN_PATH, GoldenFile)
  if (golden !== undefined) {
    const least = isRounded ? Math.min(golden.tolerance.cosine, ROUNDED_COSINE) : golden.tolerance.cosine
    return checkGolden(engine, golden, { least, signal })
  }
  for (const [one, other, languages] of CONTRASTS) {
    const margins = await Promise.all(languages.map((names) => contrast(engine, { one, other, names, signal })))
    // A model of one language gets the other one wrong. Written so that NaN fails too.
    if (margins.some((margin) => margin > 0)) continue
    const names = languages.map((pair) => pair.join(', ')).join('; ')
    const found = margins.map((margin) => margin.toFixed(4)).join(' and ')
    throw new ModelError(
      `the self-test failed: plain pictures are not nearer to their own colour's name than to the other's (${names}; by ${found}). The model's files do not fit together.`,
    )
  }
}

interface Contrast {
  one: Picture
  other: Picture
  names: readonly [string, string]
  signal: AbortSignal
}

/** How much nearer each is to its own name than to the other's, in all: what both have in common falls out. */
async function contrast(engine: MultimodalEngine, { one, other, names, signal }: Contrast): Promise<number> {
  const [[a, b], [nameOfA, nameOfB]] = (await Promise.all([
    engine.embedPictures([one, other], { signal }),
    textVectors(engine, names, signal),
  ])) as [[Float32Array, Float32Array], [Float32Array, Float32Array]] // as many as were asked for
  return cosine(a, nameOfA) + cosine(b, nameOfB) - cosine(a, nameOfB) - cosine(b, nameOfA)
}

async function checkGolden(
  engine: MultimodalEngine,
  { texts, pictures }: Pick<z.output<typeof GoldenFile>, 'texts' | 'pictures'>,
  { least, signal }: { least: number; signal: AbortSignal },
): Promise<void> {
  const ofTexts = await textVectors(
    engine,
    texts.map(({ text }) => text),
    signal,
  )
  const seen = pictures.map(({ width, height, rgb }) => ({ width, height, rgb: Buffer.from(rgb, 'base64') }))
  const ofPictures = await engine.embedPictures(seen, { signal })
  const cases = [
    ...texts.map(({ dense }, i) => ({ name: `text ${i}`, dense, own: ofTexts[i] })),
    ...pictures.map(({ dense }, i) => ({ name: `picture ${i}`, dense, own: ofPictures[i] })),
  ]
  for (const { name, dense, own } of cases) {
    const similarity = own?.length === dense.length ? cosine(own, Float32Array.from(dense)) : Number.NaN
    if (similarity >= least) continue
    throw new ModelError(`${GOLDEN_PATH}: ${name} has cosine ${similarity} instead of ${least} or more.`)
  }
}

async function textVectors(
  engine: MultimodalEngine,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const maxTokens = Number.MAX_SAFE_INTEGER
  return engine.embedTexts(await Promise.all(texts.map((text) => engine.tokenize(text, { maxTokens, signal }))), {
    signal,
  })
}

function plain(red: number, green: number, blue: number): Picture {
  const pixel = [red, green, blue]
  return { width: SIDE, height: SIDE, rgb: Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => pixel[i % 3] ?? 0) }
}

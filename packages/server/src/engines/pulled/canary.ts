import type { TextType } from '@quiver/protocol'
import { z } from 'zod'
import { cosine } from '../../vector/vector.js'
import type { Engine } from '../engine.js'
import { PARAPHRASES, rankWorst } from '../ranking-canary.js'
import { ModelError, type ModelFolder } from './model-folder.js'

/** Vectors that the model's authors, or whoever pulled it, computed with the reference implementation. */
const GoldenFile = z.object({
  tolerance: z.object({ cosine: z.number().max(1) }),
  cases: z
    .array(z.object({ text: z.string(), type: z.enum(['query', 'document']), dense: z.array(z.number()).min(1) }))
    .min(1),
})
/** Golden vectors are of float32; to those computed in a shorter format this is near enough. */
export const ROUNDED_COSINE = 0.999
export const GOLDEN_PATH = 'quiver-golden.json'

/**
 * A model proves itself before it serves: its golden vectors, where its folder has them, or else that it puts a
 * paraphrase nearer than an unrelated sentence. Wrong pooling, a lost end token or a broken file fail here.
 *
 * @param options.isRounded whether it computes in a shorter number format than the golden vectors' authors.
 * @throws {ModelError} saying which case failed, and by how much.
 */
export async function proveItself(
  engine: Engine,
  folder: Pick<ModelFolder, 'optionalJson'>,
  { isRounded, signal }: { isRounded: boolean; signal: AbortSignal },
): Promise<void> {
  const golden = await folder.optionalJson(GOLDEN_PATH, GoldenFile)
  if (golden !== undefined) {
    const least = isRounded ? Math.min(golden.tolerance.cosine, ROUNDED_COSINE) : golden.tolerance.cosine
    return checkGolden(engine, { cases: golden.cases, least, signal })
  }
  const embed = (text: string, textType: TextType) => vectorOf(engine, text, textType, signal)
  const { worst, near, far } = await rankWorst(PARAPHRASES, embed, { queryType: 'document' })
  if (near > far) return
  throw new ModelError(
    `the self-test failed: «${worst.right}» is at ${near.toFixed(4)} from «${worst.query}», the unrelated «${worst.wrong}» at ${far.toFixed(4)}. The model's files do not fit together.`,
  )
}

async function checkGolden(
  engine: Engine,
  { cases, least, signal }: { cases: z.output<typeof GoldenFile>['cases']; least: number; signal: AbortSignal },
): Promise<void> {
  for (const [index, { text, type, dense }] of cases.entries()) {
    const similarity = cosine(await vectorOf(engine, text, type, signal), Float32Array.from(dense))
    if (!(similarity >= least)) {
      throw new ModelError(`${GOLDEN_PATH}: case ${index} has cosine ${similarity} instead of ${least} or more.`)
    }
  }
}

async function vectorOf(engine: Engine, text: string, textType: TextType, signal: AbortSignal): Promise<Float32Array> {
  const { passes } = await engine.prepare(text, { textType, maxTokens: engine.window, keep: 'start', signal })
  const [raw] = await engine.embed(passes, { signal })
  if (raw === undefined) throw new ModelError('the self-test failed: a sentence has no tokens.')
  return raw.dense
}

import { createHash } from 'node:crypto'
import type { Picture } from '../../media/picture.js'
import type { Engine, Pass } from '../engine.js'
import type { CaptionTokens, MultimodalEngine } from '../multimodal-engine.js'
import { WorkerPool } from '../threads/worker-pool.js'
import { WeightsError } from '../weight-files.js'
import { findFault } from './canary.js'
import { BUILTIN_IMAGE_WEIGHTS, loadImageWeights, type Manifest } from './weights.js'
import type { ImageJob, ImageWorkerSetup } from './worker.js'

/** What catalog entries call this engine. */
export const BUILTIN_IMAGE_ID = 'builtin-image'

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/builtin-image/worker.js' : './worker.js',
  import.meta.url,
)

export interface BuiltinImageEngineOptions {
  threads: number
  /** The built-in text engine, which reads the texts; stays open when this one closes. */
  textEngine: Engine
  signal: AbortSignal
  /** Folder of the weights; default: those of this package. */
  folder?: string
}

/**
 * Start the built-in picture model: verify the files, load them in every thread, and let it prove itself on the canary.
 *
 * @throws {WeightsError} for files that are not the manifest's, a text engine that the model was not trained with, or vectors
 * that are not the training side's.
 */
export async function startBuiltinImageEngine(options: BuiltinImageEngineOptions): Promise<MultimodalEngine> {
  const { threads, textEngine, signal, folder } = options
  const { manifest, canary, imagePath, textPath } = await loadImageWeights(folder ?? BUILTIN_IMAGE_WEIGHTS)
  if (textEngine.identity !== manifest.text.identity) {
    throw new WeightsError(
      `the built-in picture model was trained with the text model ${manifest.text.identity.slice(0, 12)}, not with ${textEngine.identity.slice(0, 12)}.`,
    )
  }
  const setup: ImageWorkerSetup = { imagePath, textPath, side: manifest.side }
  const pool = await WorkerPool.start<ImageJob>({
    threads,
    file: WORKER,
    setup,
    name: BUILTIN_IMAGE_ID,
    model: 'The built-in picture model',
  })
  const engine = new BuiltinImageEngine(manifest, textEngine, pool, threads)
  try {
    const fault = await findFault(engine, canary, signal)
    if (fault !== undefined) throw new WeightsError(`the built-in picture model fails its self-test: ${fault}.`)
  } catch (error) {
    await engine.close()
    throw error
  }
  return engine
}

/** A text with what the text engine made of it. */
interface Caption extends CaptionTokens {
  /** One; none for a text without tokens. */
  passes: readonly Pass[]
}

/** Our own model: the picture tower in worker threads, the text tower on top of the text engine. One input a job. */
class BuiltinImageEngine implements MultimodalEngine {
  readonly id = BUILTIN_IMAGE_ID
  readonly identity: string
  readonly dimension: number
  readonly isMatryoshka = true
  readonly #textType: Manifest['text']['textType']
  readonly #textEngine: Engine
  readonly #pool: WorkerPool<ImageJob>
  readonly #threads: number

  constructor(
    { files, dimension, side, text }: Manifest,
    textEngine: Engine,
    pool: WorkerPool<ImageJob>,
    threads: number,
  ) {
    const towers = [files['image.onnx'].sha256, files['text.onnx'].sha256]
    this.identity = createHash('sha256')
      .update(JSON.stringify([...towers, side, text, textEngine.identity]))
      .digest('hex')
    this.dimension = dimension
    this.#textType = text.textType
    this.#textEngine = textEngine
    this.#pool = pool
    this.#threads = threads
  }

  get isUp(): boolean {
    return this.#pool.isUp && this.#textEngine.isUp
  }

  async tokenize(text: string, { maxTokens, signal }: { maxTokens: number; signal: AbortSignal }): Promise<Caption> {
    const { inspector, window } = this.#textEngine
    if (inspector === undefined) throw new TypeError('the text engine shows no tokens')
    const most = Math.min(maxTokens, window)
    signal.throwIfAborted()
    const { ids, isOverLimit } = await inspector.tokenize(text, most)
    const { passes } = await this.#textEngine.prepare(text, {
      textType: this.#textType,
      maxTokens: most,
      keep: 'start',
      signal,
    })
    return { ids, isCut: isOverLimit, passes }
  }

  embedTexts(texts: readonly CaptionTokens[], { signal }: { signal: AbortSignal }): Promise<Float32Array[]> {
    return inLanes(texts, this.#textEngine.batching.concurrency, async (text) => {
      const { ids, passes } = text as Caption // from `tokenize` of this engine, as the interface asks
      const [raw] = await this.#textEngine.embed(passes, { signal })
      // Nothing was said: the zero vector, which has the cosine 0 with everything.
      if (raw === undefined) return new Float32Array(this.dimension)
      return this.#pool.run({ kind: 'text', vector: raw.dense, ids }, signal)
    })
  }

  embedPictures(pictures: readonly Picture[], { signal }: { signal: AbortSignal }): Promise<Float32Array[]> {
    return inLanes(pictures, this.#threads, (picture) => this.#pool.run({ kind: 'picture', picture }, signal))
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

/**
 * Results of all items, in order, of which so many are under way at a time. Each lane takes the next item when it is
 * done with one: the inputs of other calls come in between.
 */
async function inLanes<Item, Result>(
  items: readonly Item[],
  lanes: number,
  compute: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Map<number, Result>()
  const waiting = items.entries()
  const lane = async () => {
    for (const [index, item] of waiting) results.set(index, await compute(item))
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return items.map((_, index) => results.get(index) as Result) // every lane ended, so each has one
}

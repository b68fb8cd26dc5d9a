import { createHash } from 'node:crypto'
import { cosine, shorten } from '../../vector/vector.js'
import { chunk } from '../chunk.js'
import type {
  Batching,
  Engine,
  EngineCheck,
  Network,
  Pass,
  PreparedText,
  PrepareOptions,
  RawEmbedding,
  SparseSide,
  TokenInspector,
} from '../engine.js'
import { WorkerPool } from '../threads/worker-pool.js'
import { OffloadedTokenizer } from '../tokenizers/offloaded-tokenizer.js'
import { WeightsError } from '../weight-files.js'
import { weighTerms } from './term-weights.js'
import { BUILTIN_WEIGHTS, loadWeights, type Manifest, type Weights } from './weights.js'
import type { WorkerSetup } from './worker.js'

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const TOKENIZER_THREAD = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/builtin/tokenizer-thread.js' : './tokenizer-thread.js',
  import.meta.url,
)

/** What catalog entries call the engine that is always there. */
export const BUILTIN_ID = 'builtin-text'
/** The same for the model with twice the layers. */
export const BUILTIN_LARGE_ID = 'builtin-text-large'

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/builtin/worker.js' : './worker.js',
  import.meta.url,
)

export interface BuiltinEngineOptions {
  threads: number
  signal: AbortSignal
  /** Default: the engine that is always there. */
  id?: string
  /** Folder of the weights; default: those of `BUILTIN_ID`. */
  folder?: string
}

/**
 * Start a built-in text model: verify the files, load them in every thread, and let it prove itself on the canary.
 *
 * @throws {WeightsError} for files that are not the manifest's, or vectors that are not the training side's.
 */
export async function startBuiltinEngine({
  threads,
  signal,
  id = BUILTIN_ID,
  folder = BUILTIN_WEIGHTS,
}: BuiltinEngineOptions): Promise<Engine> {
  const weights = await loadWeights(folder)
  const setup: WorkerSetup = { modelPath: weights.modelPath }
  const pool = await WorkerPool.start<Int32Array>({
    threads,
    file: WORKER,
    setup,
    name: id,
    model: 'The built-in model',
  })
  const engine = new BuiltinEngine(id, weights, pool, threads)
  try {
    const failed = (await engine.verify({ signal })).find(({ isGood }) => !isGood)
    if (failed !== undefined) throw new WeightsError(`the built-in model fails its self-test: ${failed.detail}.`)
  } catch (error) {
    await engine.close()
    throw error
  }
  return engine
}

/** A window of a text. */
interface BuiltinPass extends Pass {
  /** Prompt and special tokens included. */
  ids: Int32Array
}

/** A text with all its tokens, from which the sparse side weighs terms. */
interface BuiltinText extends PreparedText {
  ids: Int32Array
  passes: readonly BuiltinPass[]
}

/** Our own model, in worker threads; one pass at a time each, so that a vector does not depend on its neighbours. */
class BuiltinEngine implements Engine {
  readonly id: string
  readonly identity: string
  readonly dimension: number
  readonly window: number
  readonly batching: Batching
  readonly inspector: TokenInspector
  readonly network: Network
  readonly sparse: SparseSide
  readonly #manifest: Manifest
  readonly #tokenizer: OffloadedTokenizer
  readonly #pool: WorkerPool<Int32Array>
  readonly #canary: Weights['canary']

  constructor(
    id: string,
    { manifest, terms, termsSha256, tokenizer, folder, canary }: Weights,
    pool: WorkerPool<Int32Array>,
    threads: number,
  ) {
    const { files, special, prompts, chunks } = manifest
    this.id = id
    this.#manifest = manifest
    this.#tokenizer = new OffloadedTokenizer(tokenizer, { url: TOKENIZER_THREAD, workerData: { folder } })
    this.#pool = pool
    this.#canary = canary
    this.dimension = manifest.output.shape[1]
    this.window = chunks.tokens
    this.batching = { maxPasses: 1, maxPaddedTokens: chunks.tokens, concurrency: threads }
    const prompt = { query: { ids: prompts.query.ids }, document: { ids: prompts.document.ids } }
    this.identity = hashOf([files['model.onnx'].sha256, files['tokenizer.json'].sha256, special, prompt, chunks.tokens])
    this.network = {
      format: 'onnx',
      bytes: files['model.onnx'].bytes + files['tokenizer.json'].bytes,
      arithmetic: 'int8',
      pooling: 'mean',
    }
    this.sparse = {
      identity: hashOf([files['tokenizer.json'].sha256, termsSha256]),
      weighTerms: (text, textType) => {
        const { ids } = text as BuiltinText // from `prepare` of this engine, as the interface asks
        return weighTerms(ids, textType, terms, tokenizer)
      },
    }
    this.inspector = {
      vocabulary: tokenizer.vocabulary,
      special: tokenizer.special,
      frame: { before: [special.bos], after: [special.eos] },
      prompts: { query: prompts.query.text, document: prompts.document.text },
      tokenize: (text, maxTokens) => this.#tokenizer.tokenize(text, { maxTokens }),
      locate: (text, maxTokens) => this.#tokenizer.locate(text, maxTokens),
      tokenText: (id) => tokenizer.tokenText(id),
      decode: (ids) => tokenizer.decode(ids),
    }
  }

  get isUp(): boolean {
    return this.#pool.isUp
  }

  /** `instruct` is left out: the model was not trained on instructions. */
  async prepare(text: string, { textType, maxTokens, keep, signal }: PrepareOptions): Promise<BuiltinText> {
    const { ids, isOverLimit } = await this.#tokenizer.tokenize(text, { maxTokens, keep, signal })
    const windows = ids.length === 0 ? [] : chunk(ids, this.window)
    const { special, prompts } = this.#manifest
    return {
      ids,
      tokens: ids.length,
      isOverLimit,
      passes: windows.map((window) => {
        const framed = Int32Array.from([special.bos, ...prompts[textType].ids, ...window, special.eos])
        return { ids: framed, tokens: framed.length, textTokens: window.length }
      }),
    }
  }

  embed(passes: readonly Pass[], { signal }: { signal: AbortSignal }): Promise<RawEmbedding[]> {
    return Promise.all(
      passes.map(async (pass) => {
        const { ids } = pass as BuiltinPass // from `prepare` of this engine, as the interface asks
        return { dense: await this.#pool.run(ids, signal) }
      }),
    )
  }

  async verify({ signal }: { signal: AbortSignal }): Promise<readonly EngineCheck[]> {
    return [await checkCanary(this, this.#canary, signal)]
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#tokenizer.close()])
  }
}

function hashOf(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/**
 * Least cosine of the canary's vectors with the training side's.
 *
 * Every thread may answer; the canary has more cases than a pool has threads on most machines. As many at a time as
 * there are threads, so that no case waits in a queue.
 */
async function checkCanary(
  engine: Engine,
  { cases, tolerance }: Weights['canary'],
  signal: AbortSignal,
): Promise<EngineCheck> {
  const waiting = cases.values()
  const similarities: number[] = []
  const lane = async () => {
    for (const { text, type, d64 } of waiting) {
      const { passes } = await engine.prepare(text, { textType: type, maxTokens: engine.window, keep: 'start', signal })
      const [raw] = await engine.embed(passes, { signal })
      similarities.push(raw === undefined ? 0 : cosine(shorten(raw.dense, d64.length), Float32Array.from(d64)))
    }
  }
  await Promise.all(Array.from({ length: engine.batching.concurrency }, lane))
  const least = Math.min(...similarities)
  return {
    name: 'golden vectors',
    isGood: least >= tolerance.cosine, // false for NaN too
    detail: `the least cosine of ${cases.length} cases is ${least}, and must be ${tolerance.cosine} or more`,
  }
}

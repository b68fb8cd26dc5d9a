import { createHash } from 'node:crypto'
import type { SparseTerm, TextType } from '@quiver/protocol'
import { cosine, shorten } from '../../vector/vector.js'
import type { Engine, Network, TokenInput, TokenInspector, TokenizedText } from '../engine.js'
import { type TermWeights, weighTerms } from './term-weights.js'
import { Tokenizer } from './tokenizer.js'
import { BUILTIN_WEIGHTS, loadWeights, type Manifest, type Weights, WeightsError } from './weights.js'
import { WorkerPool } from './worker-pool.js'

/** What catalog entries call this engine. */
export const BUILTIN_ID = 'builtin-text'

export interface BuiltinEngineOptions {
  threads: number
  maxQueuedInputs: number
  signal: AbortSignal
  /** Folder of the weights; default: those of this package. */
  folder?: string
}

/**
 * Start the built-in text model: verify the files, load them in every thread, and let it prove itself on the canary.
 *
 * @throws {WeightsError} for files that are not the manifest's, or vectors that are not the training side's.
 */
export async function startBuiltinEngine(options: BuiltinEngineOptions): Promise<Engine> {
  const weights = await loadWeights(options.folder ?? BUILTIN_WEIGHTS)
  const { special } = weights.manifest
  const tokenizer = new Tokenizer(weights.tokenizerFile, new Set(Object.values(special)))
  const pool = await WorkerPool.start({
    threads: options.threads,
    maxQueued: options.maxQueuedInputs,
    setup: { modelPath: weights.modelPath },
  })
  const engine = new BuiltinEngine(weights, tokenizer, pool)
  try {
    await verify(engine, weights, options)
  } catch (error) {
    await engine.close()
    throw error
  }
  return engine
}

/** Our own model, in worker threads; one text at a time each. */
class BuiltinEngine implements Engine {
  readonly id = BUILTIN_ID
  readonly identity: string
  readonly sparseIdentity: string
  readonly dimension: number
  readonly window: number
  readonly inspector: TokenInspector
  readonly network: Network
  readonly #manifest: Manifest
  readonly #tokenizer: Tokenizer
  readonly #pool: WorkerPool
  readonly #terms: TermWeights

  constructor({ manifest, terms, termsSha256 }: Weights, tokenizer: Tokenizer, pool: WorkerPool) {
    this.#manifest = manifest
    this.#terms = terms
    this.#tokenizer = tokenizer
    this.#pool = pool
    this.dimension = manifest.output.shape[1]
    this.window = manifest.chunks.tokens
    const { files, special, prompts, chunks } = manifest
    const prompt = { query: { ids: prompts.query.ids }, document: { ids: prompts.document.ids } }
    const parts = [files['model.onnx'].sha256, files['tokenizer.json'].sha256, special, prompt, chunks.tokens]
    this.identity = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
    const sparseParts = [files['tokenizer.json'].sha256, termsSha256]
    this.sparseIdentity = createHash('sha256').update(JSON.stringify(sparseParts)).digest('hex')
    this.network = {
      format: 'onnx',
      bytes: files['model.onnx'].bytes + files['tokenizer.json'].bytes,
      arithmetic: 'int8',
      pooling: 'mean',
    }
    this.inspector = {
      vocabulary: tokenizer.vocabulary,
      special: tokenizer.special,
      frame: { before: [special.bos], after: [special.eos] },
      prompts: { query: prompts.query.text, document: prompts.document.text },
      locate: (text, maxTokens) => tokenizer.locate(text, maxTokens),
      decode: (ids) => tokenizer.decode(ids),
    }
  }

  get isUp(): boolean {
    return this.#pool.isUp
  }

  tokenize(text: string, maxTokens: number): TokenizedText {
    return this.#tokenizer.tokenize(text, maxTokens)
  }

  tokenText(id: number): string {
    return this.#tokenizer.tokenText(id)
  }

  embed({ ids, textType }: TokenInput, { signal }: { signal: AbortSignal }): Promise<Float32Array> {
    const { special, prompts } = this.#manifest
    return this.#pool.run(Int32Array.from([special.bos, ...prompts[textType].ids, ...ids, special.eos]), signal)
  }

  weighTerms(ids: Int32Array, textType: TextType): SparseTerm[] {
    return weighTerms(ids, textType, this.#terms).map((term) => ({ ...term, token: this.tokenText(term.index) }))
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

/**
 * Every thread may answer; the canary has more cases than a pool has threads on most machines. As many at a time as
 * there are threads, so that no case waits in the queue, which may be shorter than their number.
 */
async function verify(
  engine: Engine,
  { canary }: Weights,
  { threads, signal }: { threads: number; signal: AbortSignal },
): Promise<void> {
  const waiting = canary.cases.entries()
  const lane = async () => {
    for (const [index, { text, type, d64 }] of waiting) {
      const { ids } = engine.tokenize(text, engine.window)
      const vector = await engine.embed({ ids, textType: type }, { signal })
      const similarity = cosine(shorten(vector, d64.length), Float32Array.from(d64))
      // Written so that NaN fails too.
      if (!(similarity >= canary.tolerance.cosine)) {
        throw new WeightsError(
          `the built-in model fails its self-test: case ${index} has cosine ${similarity} instead of ${canary.tolerance.cosine} or more.`,
        )
      }
    }
  }
  await Promise.all(Array.from({ length: threads }, lane))
}

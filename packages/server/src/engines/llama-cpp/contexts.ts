import type { EmbeddingContext, LlamaModel } from './node-llama-cpp.js'

export interface ContextsOptions {
  model: LlamaModel
  threads: number
  /** Longest pass. */
  passTokens: number
  /** Whether a pass may be computed in parts. */
  isDivisible: boolean
  /** How long a large context stays when nobody needs it. */
  shrinkAfterMs?: number
}

const SMALLEST = 512
/**
 * Tokens of one part of a pass. llama.cpp computes a score for every word of the vocabulary for each of them, which nobody
 * asked for: 600 KB a token of Qwen's, twice. The whole of a long text in one part takes gigabytes.
 */
const PART_TOKENS = 256
const SHRINK_AFTER_MS = 60_000

/**
 * One context of llama.cpp, as large as the passes at hand need.
 *
 * A context holds keys and values for all the tokens it may have, 112 KB each for Qwen3-Embedding-0.6B: 0.9 GB for 8,192.
 * So it begins small, is replaced by one of twice the size when a pass does not fit, and by a small one again when long
 * ones stay away. Calls must follow each other.
 */
export class Contexts {
  readonly #options: ContextsOptions
  #current: { context: EmbeddingContext; tokens: number } | undefined
  #longUntil = 0

  constructor(options: ContextsOptions) {
    this.#options = options
  }

  /** Vector[dimension] of a pass, not normalised. @throws {RangeError} for more tokens than `passTokens`. */
  async embed(ids: number[]): Promise<Float32Array> {
    const context = await this.#contextFor(ids.length)
    // Every special token is in `ids`; one more of the binding's own would be a different text.
    const length = context.calculateInputLength(ids)
    if (length !== ids.length) throw new RangeError(`the binding makes ${length} tokens of ${ids.length}`)
    const { vector } = await context.getEmbeddingFor(ids)
    return Float32Array.from(vector)
  }

  async close(): Promise<void> {
    const context = this.#current?.context
    this.#current = undefined
    await context?.dispose()
  }

  async #contextFor(tokens: number): Promise<EmbeddingContext> {
    const { model, threads, passTokens, isDivisible, shrinkAfterMs = SHRINK_AFTER_MS } = this.#options
    if (tokens > passTokens) throw new RangeError(`a pass has ${tokens} tokens; at most ${passTokens} fit`)
    const now = performance.now()
    if (tokens > SMALLEST) this.#longUntil = now + shrinkAfterMs
    const isTooLarge = this.#current !== undefined && this.#current.tokens > SMALLEST && now > this.#longUntil
    if (this.#current !== undefined && this.#current.tokens >= tokens && !isTooLarge) return this.#current.context
    await this.close()
    let room = SMALLEST
    while (room < tokens) room *= 2
    room = Math.min(room, passTokens)
    // One more than the tokens it may have: the binding takes less than its size.
    const contextSize = room + 1
    const batchSize = isDivisible ? Math.min(PART_TOKENS, contextSize) : contextSize
    const context = await model.createEmbeddingContext({ contextSize, batchSize, threads })
    this.#current = { context, tokens: room }
    return context
  }
}

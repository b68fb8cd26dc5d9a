import { setMaxListeners } from 'node:events'
import { ApiError } from '@quiver/protocol'
import type { Engine, Pass, RawEmbedding } from '../engines/engine.js'
import type { EngineMetrics } from '../telemetry/metrics.js'
import { norm } from '../vector/vector.js'
import { FairQueue, type Place } from './fair-queue.js'

/** Bulk work runs when nobody waits for an answer. */
export type Priority = 'interactive' | 'bulk'

/** Who wants a pass; its place in the turns. */
export interface Claim extends Place {
  priority: Priority
  signal: AbortSignal
}

/** What the batcher needs of an engine. */
export type BatchedEngine = Pick<Engine, 'id' | 'batching' | 'embed'>

export interface BatcherOptions {
  /** Passes that may wait, of each priority; one more is refused. */
  maxQueued: number
  /** Told of waits and calls of the engine of this id. */
  metricsOf?: (engineId: string) => EngineMetrics
}

/** The share of the longest pass that a shorter one must have to join it: what it lacks is computed for nothing. */
const LEAST_LENGTH_SHARE = 0.8
/** Waiting passes that are looked at for company; beyond that, looking costs more than it finds. */
const MAX_LOOKED_AT = 512
/** While bulk work waits, every so many engine batches one is bulk, so that it goes on under endless traffic. */
const BULK_TURN = 16
const RETRY_AFTER_SECONDS = 1

interface Waiting {
  pass: Pass
  priority: Priority
  /** performance.now() */
  sinceMs: number
  signal: AbortSignal
  /** Settles the caller's promise; calls after the first do nothing. */
  resolve: (raw: RawEmbedding) => void
  reject: (reason: unknown) => void
}

/**
 * Passes of many requests → calls of one engine, as many at a time as it takes.
 *
 * The next call starts with the pass whose turn it is ({@link FairQueue}), so nobody starves; then passes of nearly its
 * length join it while padding to the longest stays within the engine's token budget. Nothing waits for company: what
 * comes while the engine is busy is the company. Invariants: a pass is in a queue, in one call, or settled; a pass that
 * is no longer wanted is dropped and its neighbours are unharmed; one that breaks a call fails alone.
 *
 * @see facts on padding: a batch of mixed lengths costs up to six times its tokens on a CPU
 */
export class Batcher {
  readonly #engine: BatchedEngine
  readonly #maxQueued: number
  readonly #metrics: EngineMetrics | undefined
  readonly #queues: Readonly<Record<Priority, FairQueue<Waiting>>> = {
    interactive: new FairQueue(),
    bulk: new FairQueue(),
  }
  #running = 0
  #sinceBulk = 0
  #isClosed = false
  #soon: NodeJS.Immediate | undefined

  constructor(engine: BatchedEngine, { maxQueued, metricsOf }: BatcherOptions) {
    this.#engine = engine
    this.#maxQueued = maxQueued
    this.#metrics = metricsOf?.(engine.id)
  }

  /** Passes that wait. */
  get waiting(): Readonly<Record<Priority, number>> {
    return { interactive: this.#queues.interactive.size, bulk: this.#queues.bulk.size }
  }

  /**
   * @returns finite components, not all zero.
   * @throws {ApiError} `overloaded` when the queue is full, `engine_failed` when the engine broke on this pass.
   * @throws the signal's reason; a call already under way is aborted when nobody wants any of it.
   */
  run(pass: Pass, { caller, request, priority, signal }: Claim): Promise<RawEmbedding> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (this.#isClosed) return Promise.reject(shuttingDown())
    const queue = this.#queues[priority]
    if (queue.size >= this.#maxQueued) return Promise.reject(this.#overloaded())
    return new Promise((resolve, reject) => {
      const place: Place = { caller, request }
      const settle =
        <Value>(done: (value: Value) => void) =>
        (value: Value) => {
          signal.removeEventListener('abort', abort)
          done(value)
        }
      const waiting: Waiting = {
        pass,
        priority,
        sinceMs: performance.now(),
        signal,
        resolve: settle(resolve),
        reject: settle(reject),
      }
      const abort = () => {
        queue.remove(place, waiting)
        waiting.reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      queue.push(place, waiting)
      this.#dispatchSoon()
    })
  }

  /** What waits is rejected; calls under way are the engine's to end. */
  close(): void {
    this.#isClosed = true
    for (const queue of Object.values(this.#queues)) {
      for (const { reject } of queue.drain()) reject(shuttingDown())
    }
  }

  /** Where calls are what costs, the texts of one request are to be one call, and come in one turn of the event loop. */
  #dispatchSoon(): void {
    const { isPadded = true, maxPasses } = this.#engine.batching
    if (isPadded || maxPasses === 1) this.#dispatch()
    else this.#soon ??= setImmediate(() => this.#dispatch())
  }

  #dispatch(): void {
    clearImmediate(this.#soon)
    this.#soon = undefined
    while (this.#running < this.#engine.batching.concurrency) {
      const group = this.#takeGroup()
      if (group.length === 0) return
      this.#running++
      this.#compute(group).finally(() => {
        this.#running--
        this.#dispatch()
      })
    }
  }

  #nextQueue(): FairQueue<Waiting> {
    const { interactive, bulk } = this.#queues
    if (bulk.size === 0) return interactive
    const isBulkTurn = interactive.size === 0 || ++this.#sinceBulk >= BULK_TURN
    if (isBulkTurn) this.#sinceBulk = 0
    return isBulkTurn ? bulk : interactive
  }

  /** Passes for one call; none when nothing waits. */
  #takeGroup(): Waiting[] {
    const queue = this.#nextQueue()
    const first = queue.shift()
    if (first === undefined) return []
    const { maxPasses, maxPaddedTokens, isPadded = true } = this.#engine.batching
    const group = [first]
    if (maxPasses === 1) return group
    let [shortest, longest, total] = [first.pass.tokens, first.pass.tokens, first.pass.tokens]
    const joining: [Place, Waiting][] = []
    for (const [place, waiting] of queue.ahead(MAX_LOOKED_AT)) {
      if (group.length === maxPasses) break
      const { tokens } = waiting.pass
      const [least, most] = [Math.min(shortest, tokens), Math.max(longest, tokens)]
      const cost = isPadded ? most * (group.length + 1) : total + tokens
      if ((isPadded && least < LEAST_LENGTH_SHARE * most) || cost > maxPaddedTokens) continue
      ;[shortest, longest, total] = [least, most, total + tokens]
      group.push(waiting)
      joining.push([place, waiting])
    }
    for (const [place, waiting] of joining) queue.remove(place, waiting)
    return group
  }

  async #compute(group: readonly Waiting[]): Promise<void> {
    try {
      const raw = await this.#call(group)
      const invalid = group.filter((waiting, index) => {
        const isValid = isUsable(raw[index])
        if (isValid) waiting.resolve(raw[index] as RawEmbedding) // isUsable: it is there
        return !isValid
      })
      if (invalid.length === 0) return // an error takes its stack along, which costs more than a vector's checks
      await this.#computeAlone(invalid, { isRetry: group.length > 1, reason: invalidVector() })
    } catch (error) {
      const isRetry = group.length > 1 && error instanceof ApiError && error.row === 'engine_failed'
      await this.#computeAlone(group, { isRetry, reason: error })
    }
  }

  /** Passes of a call that broke, one by one, so that only the poisoned one fails. */
  async #computeAlone(
    group: readonly Waiting[],
    { isRetry, reason }: { isRetry: boolean; reason: unknown },
  ): Promise<void> {
    for (const waiting of group) {
      if (isRetry && !waiting.signal.aborted) await this.#compute([waiting])
      else waiting.reject(reason)
    }
  }

  #note(group: readonly Waiting[], startedAtMs: number): void {
    const { isPadded = true } = this.#engine.batching
    const lengths = group.map(({ pass }) => pass.tokens)
    const tokens = lengths.reduce((sum, length) => sum + length, 0)
    this.#metrics?.computed({
      passes: group.length,
      tokens,
      padding: isPadded ? Math.max(...lengths) * group.length - tokens : 0,
      seconds: (performance.now() - startedAtMs) / 1000,
    })
  }

  /** One call of the engine, aborted when the last of its requests is. */
  async #call(group: readonly Waiting[]): Promise<RawEmbedding[]> {
    const signals = new Set(group.map(({ signal }) => signal))
    const [only] = signals
    if (only !== undefined && signals.size === 1) return this.#embed(group, only)
    const call = new AbortController()
    setMaxListeners(0, call.signal) // one for each part of the call, whose number is the engine's own affair
    const leave = () => {
      if ([...signals].every(({ aborted }) => aborted)) call.abort(group[0]?.signal.reason)
    }
    for (const signal of signals) signal.addEventListener('abort', leave, { once: true })
    try {
      return await this.#embed(group, call.signal)
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', leave)
    }
  }

  async #embed(group: readonly Waiting[], signal: AbortSignal): Promise<RawEmbedding[]> {
    const startedAtMs = performance.now()
    for (const { priority, sinceMs } of group) this.#metrics?.waited(priority, (startedAtMs - sinceMs) / 1000)
    try {
      return await this.#engine.embed(
        group.map(({ pass }) => pass),
        { signal },
      )
    } finally {
      this.#note(group, startedAtMs)
    }
  }

  #overloaded(): ApiError {
    return new ApiError(
      'overloaded',
      `Model is unavailable, please try again later: ${this.#maxQueued} inputs are waiting.`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    )
  }
}

/** Nothing is silently wrong: components that are not finite, or all zero, are no vector. */
function isUsable(raw: RawEmbedding | undefined): boolean {
  const length = raw === undefined ? 0 : norm(raw.dense)
  return Number.isFinite(length) && length > 0
}

function invalidVector(): ApiError {
  return new ApiError('engine_failed', 'The model produced an invalid vector.')
}

function shuttingDown(): ApiError {
  return new ApiError('overloaded', 'The server is shutting down.', { retryAfterSeconds: RETRY_AFTER_SECONDS })
}

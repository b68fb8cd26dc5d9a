import type { ServerLoad } from '../../telemetry/metrics.js'
import { Breaker } from './breaker.js'
import type { Connection } from './connection.js'
import type { UpstreamError } from './upstream-error.js'

/** One server of several that serve the same model: its connections, its load, and whether it works. */
export class Replica {
  readonly breaker = new Breaker()
  /** Calls under way, and the tokens in them. */
  running = 0
  outstandingTokens = 0
  /** When it last answered a call as it should; performance.now(). */
  answeredAtMs = 0
  /** Why it is not used, in words of ours; absent while it is. */
  fault: string | undefined = 'not tried yet'
  #maxTexts: number | undefined
  /** The most texts that it has answered at a time: so many are no reason for a refusal. */
  #answeredTexts = 1
  /** Calls so far, and their time. */
  readonly #total = { answered: 0, failed: 0, retried: 0, seconds: 0 }
  #busyUntilMs = 0

  constructor(
    /** Shown in logs; the configuration takes no user or password in it. */
    readonly url: string,
    readonly connection: Connection,
  ) {}

  get load(): ServerLoad {
    return { isUp: this.breaker.isClosed, running: this.running, ...this.#total }
  }

  /** Texts of one request that it takes, as its refusals taught; absent while it has refused none. */
  get maxTexts(): number | undefined {
    return this.#maxTexts
  }

  /** Whether it has answered a request of so many texts. */
  hasTaken(texts: number): boolean {
    return texts <= this.#answeredTexts
  }

  took(texts: number): void {
    this.#answeredTexts = Math.max(this.#answeredTexts, texts)
  }

  /** It takes no more than so many texts at a time. @returns whether that is news. */
  learnMaxTexts(texts: number): boolean {
    if (this.#maxTexts !== undefined && this.#maxTexts <= texts) return false
    this.#maxTexts = texts
    return true
  }

  /** A server that was away may come back with other limits. */
  forgetMaxTexts(): void {
    this.#maxTexts = undefined
    this.#answeredTexts = 1
  }

  /** A call begins. */
  begin(tokens: number, { isRetry }: { isRetry: boolean }): void {
    this.running++
    this.outstandingTokens += tokens
    if (isRetry) this.#total.retried++
  }

  /** It is over. @param outcome neither, where whoever wanted it has gone. */
  end(tokens: number, { outcome, ms }: { outcome: 'answered' | 'failed' | undefined; ms: number }): void {
    this.running--
    this.outstandingTokens -= tokens
    if (outcome !== undefined) this.#total[outcome]++
    this.#total.seconds += ms / 1000
  }

  /** Milliseconds until it may be called: 0 now, Infinity while the breaker is not closed. */
  waitMs(nowMs: number): number {
    return this.breaker.isClosed ? Math.max(0, this.#busyUntilMs - nowMs) : Number.POSITIVE_INFINITY
  }

  answered(nowMs: number): void {
    this.breaker.succeeded()
    this.answeredAtMs = nowMs
  }

  /** Take note of a failed call. @returns as the breaker's. */
  failed(error: UpstreamError, nowMs: number): ReturnType<Breaker['failed']> {
    if (error.kind === 'busy') this.#busyUntilMs = nowMs + (error.retryAfterMs ?? DEFAULT_BUSY_MS)
    if (!error.isReplicasFault) return 'noted'
    const { isAbsent, hasAnswered, kind } = error
    const outcome = this.breaker.failed({ isAbsent, hasAnswered, nowMs })
    if (outcome === 'opened') this.fault = kind
    return outcome
  }
}

/** A 429 without Retry-After. */
const DEFAULT_BUSY_MS = 500

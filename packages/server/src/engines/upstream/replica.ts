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
  #busyUntilMs = 0

  constructor(
    /** Shown in logs; the configuration takes no user or password in it. */
    readonly url: string,
    readonly connection: Connection,
  ) {}

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

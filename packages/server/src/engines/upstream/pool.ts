import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../telemetry/log.js'
import type { Replica } from './replica.js'
import { modelNotReady, UpstreamError } from './upstream-error.js'

/** Of one call, on as many replicas; after that its error is the caller's. */
const MAX_ATTEMPTS = 4
/** Of one call that a replica answers with an error: its text may be the cause. */
const MAX_ANSWERED_ATTEMPTS = 2
/** Before the same replica is tried again; twice as long the next time. */
const FIRST_BACKOFF_MS = 50
/** All replicas that work are busy: a call waits this long for the first that will not be. */
const MAX_BUSY_WAIT_MS = 10_000
/** A replica that has not answered for this long is asked whether it still lives. */
const QUIET_MS = 5_000
/** A trial has several calls, each of which `timeoutMs` bounds too. */
const LONGEST_TRIAL_MS = 15_000

export interface PoolOptions {
  /** Calls of one replica at a time; further ones wait here. */
  maxConcurrency: number
  timeoutMs: number
  /** Prove that a replica works and serves the right model. @throws {UpstreamError | Mismatch} */
  examine: (replica: Replica, signal: AbortSignal) => Promise<void>
  /** A cheap question; @throws {UpstreamError}. Absent where the protocol has none. */
  checkHealth?: (replica: Replica, signal: AbortSignal) => Promise<void>
  log: Logger
}

/** A replica that answers, but not what the configuration or the other replicas say. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch'
}

/**
 * Replicas of one model. A call goes to the one with the fewest tokens under way; where it fails by the replica's fault,
 * to another. A replica that keeps failing is left alone until it has proved itself (`breaker.ts`).
 */
export class ReplicaPool {
  readonly #replicas: readonly Replica[]
  readonly #options: PoolOptions
  readonly #waiting: (() => void)[] = []
  readonly #closing = new AbortController()
  readonly #watch: NodeJS.Timeout

  constructor(replicas: readonly Replica[], options: PoolOptions) {
    this.#replicas = replicas
    this.#options = options
    setMaxListeners(0, this.#closing.signal) // one for each replica that is tried
    this.#watch = setInterval(() => void this.#watchQuiet(), QUIET_MS).unref()
  }

  get isUp(): boolean {
    return this.#replicas.some(({ breaker }) => breaker.isClosed)
  }

  get replicas(): readonly Replica[] {
    return this.#replicas
  }

  /** Try all replicas once. Never rejects: those that fail are tried again later. */
  async start(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => this.#try(replica)))
  }

  /**
   * @param tokens weight of the call.
   * @throws {UpstreamError} of the last attempt; {ApiError} `not_ready` when no replica works.
   * @throws the signal's reason when it is aborted.
   */
  async run<Value>(
    tokens: number,
    call: (replica: Replica, signal: AbortSignal) => Promise<Value>,
    signal: AbortSignal,
  ): Promise<Value> {
    const tried = new Set<Replica>()
    for (let attempt = 1; ; attempt++) {
      const replica = await this.#acquire(tokens, tried, signal)
      try {
        return await this.#call(replica, () => call(replica, signal), tokens)
      } catch (error) {
        if (!(error instanceof UpstreamError) || !error.isWorthAnother) throw error
        if (attempt >= (error.hasAnswered ? MAX_ANSWERED_ATTEMPTS : MAX_ATTEMPTS)) throw error
        if (!this.#hasOther(replica, tried)) {
          if (error.kind === 'timeout') throw error
          await pause(FIRST_BACKOFF_MS * 2 ** tried.size, signal)
        }
        tried.add(replica)
      }
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#watch)
    this.#closing.abort(new UpstreamError('unreachable'))
    this.#wakeAll()
    await Promise.all(this.#replicas.map(({ connection }) => connection.close()))
  }

  /** The replica for a call, its load already counted. */
  async #acquire(tokens: number, tried: ReadonlySet<Replica>, signal: AbortSignal): Promise<Replica> {
    for (;;) {
      if (signal.aborted) this.#waiting.shift()?.() // what woke this call is for the next one
      signal.throwIfAborted()
      this.#closing.signal.throwIfAborted()
      const nowMs = performance.now()
      const working = this.#replicas.filter(({ breaker }) => breaker.isClosed)
      if (working.length === 0) throw modelNotReady({ retryAfterMs: this.#nextTrialMs(nowMs) })
      const chosen = this.#choose(working, tried, nowMs)
      if (chosen !== undefined) {
        chosen.begin(tokens, { isRetry: tried.size > 0 })
        return chosen
      }
      const busyMs = Math.min(...working.map((replica) => replica.waitMs(nowMs)))
      if (busyMs > MAX_BUSY_WAIT_MS) throw new UpstreamError('busy', { retryAfterMs: busyMs })
      await this.#someRelease(busyMs, signal)
    }
  }

  /** Of those that may be called now: first those not tried yet, then the one with the fewest tokens under way. */
  #choose(working: readonly Replica[], tried: ReadonlySet<Replica>, nowMs: number): Replica | undefined {
    const free = working.filter(
      (replica) => replica.waitMs(nowMs) === 0 && replica.running < this.#options.maxConcurrency,
    )
    const fresh = free.filter((replica) => !tried.has(replica))
    const candidates = fresh.length > 0 ? fresh : free
    return candidates.reduce<Replica | undefined>(
      (best, replica) => (best === undefined || isLighter(replica, best) ? replica : best),
      undefined,
    )
  }

  async #call<Value>(replica: Replica, work: () => Promise<Value>, tokens: number): Promise<Value> {
    const startedAtMs = performance.now()
    let outcome: 'answered' | 'failed' | undefined
    try {
      const value = await work()
      outcome = 'answered'
      replica.answered(performance.now())
      return value
    } catch (error) {
      if (error instanceof UpstreamError) {
        outcome = 'failed'
        this.#failed(replica, error)
      }
      throw error
    } finally {
      replica.end(tokens, { outcome, ms: performance.now() - startedAtMs })
      this.#waiting.shift()?.()
    }
  }

  /** Resolves when a call has ended, a replica has changed, or after `busyMs`, whichever is first. */
  #someRelease(busyMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        const place = this.#waiting.indexOf(wake)
        if (place !== -1) this.#waiting.splice(place, 1)
        resolve()
      }
      const timer = busyMs > 0 ? setTimeout(wake, busyMs) : undefined
      signal.addEventListener('abort', wake, { once: true })
      this.#waiting.push(wake)
    })
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  /** Whether a replica that this call has not tried may be called now; the same one again needs a pause. */
  #hasOther(failed: Replica, tried: ReadonlySet<Replica>): boolean {
    const nowMs = performance.now()
    return this.#replicas.some((replica) => replica !== failed && !tried.has(replica) && replica.waitMs(nowMs) === 0)
  }

  #failed(replica: Replica, error: UpstreamError): void {
    const outcome = replica.failed(error, performance.now())
    const { kind, status } = error
    this.#options.log.debug({ upstream: replica.url, kind, status }, 'an upstream call failed')
    if (outcome === 'suspect') void this.#try(replica)
    if (outcome !== 'opened') return
    this.#options.log.warn({ upstream: replica.url, kind, status }, 'an upstream server is left alone')
    replica.forgetMaxTexts()
    this.#wakeAll()
    this.#tryLater(replica)
  }

  #tryLater(replica: Replica): void {
    setTimeout(() => void this.#try(replica), replica.breaker.pauseLeftMs(performance.now())).unref()
  }

  /** The trial of the half-open state, or of a replica under suspicion, which is called on meanwhile. */
  async #try(replica: Replica): Promise<void> {
    if (this.#closing.signal.aborted) return
    const { log, examine } = this.#options
    if (!replica.breaker.isClosed) replica.breaker.halfOpen()
    try {
      await withDeadline(LONGEST_TRIAL_MS, this.#closing.signal, (signal) => examine(replica, signal))
    } catch (error) {
      if (this.#closing.signal.aborted) return
      const fault = describeFault(error)
      // Said once, and not at each trial.
      if (fault !== replica.fault) log.warn({ upstream: replica.url, fault }, 'an upstream server cannot be used')
      replica.fault = fault
      replica.breaker.trialFailed(performance.now())
      this.#tryLater(replica)
      return
    }
    replica.fault = undefined
    replica.answeredAtMs = performance.now()
    replica.breaker.trialSucceeded()
    log.info({ upstream: replica.url }, 'an upstream server is used')
    this.#wakeAll()
  }

  /** A server that died while nobody called is found before somebody does. */
  async #watchQuiet(): Promise<void> {
    const { checkHealth, timeoutMs } = this.#options
    if (checkHealth === undefined) return
    const quiet = this.#replicas.filter(
      ({ breaker, answeredAtMs }) => breaker.isClosed && performance.now() - answeredAtMs > QUIET_MS,
    )
    await Promise.all(
      quiet.map(async (replica) => {
        try {
          await withDeadline(Math.min(timeoutMs, QUIET_MS), this.#closing.signal, (signal) =>
            checkHealth(replica, signal),
          )
          replica.answered(performance.now())
        } catch (error) {
          if (error instanceof UpstreamError && !this.#closing.signal.aborted) this.#failed(replica, error)
        }
      }),
    )
  }

  #nextTrialMs(nowMs: number): number {
    return Math.min(...this.#replicas.map(({ breaker }) => breaker.pauseLeftMs(nowMs)))
  }
}

/** Fewer tokens under way; of equals, the one that has been quiet longer, so that idle replicas take turns. */
function isLighter(replica: Replica, other: Replica): boolean {
  if (replica.outstandingTokens !== other.outstandingTokens) return replica.outstandingTokens < other.outstandingTokens
  return replica.answeredAtMs < other.answeredAtMs
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    signal.throwIfAborted()
  }
}

/** Several calls that have this long together. */
async function withDeadline(
  ms: number,
  closing: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController()
  const timer = setTimeout(() => ending.abort(new UpstreamError('timeout')), ms)
  const stop = () => ending.abort(closing.reason)
  closing.addEventListener('abort', stop, { once: true })
  try {
    await work(ending.signal)
  } finally {
    clearTimeout(timer)
    closing.removeEventListener('abort', stop)
  }
}

/** Why a replica is not used, in words of ours. */
export function describeFault(error: unknown): string {
  if (error instanceof Mismatch) return error.message
  if (error instanceof UpstreamError) {
    return error.status === undefined ? error.kind : `${error.kind} (HTTP ${error.status})`
  }
  return error instanceof Error ? error.name : 'failed'
}

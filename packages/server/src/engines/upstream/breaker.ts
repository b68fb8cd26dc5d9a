/** Failures of a replica one after the other that are too many; when nothing listens at all, one is. */
const FAILURES_TO_OPEN = 3
/** How long it stays open before a trial; twice as long after each trial that fails. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/**
 * Circuit breaker of one replica.
 *
 * - `closed`: calls go there.
 * - `open`: none do, for 1 s, 2 s, 4 s … at most 30 s.
 * - `half-open`: the pause is over and the pool tries it out itself, so that no caller pays for the attempt.
 *
 * A replica starts `half-open`: it has to prove itself first.
 * @see Nygard 2018, Release It!, 2nd edition, «Circuit Breaker»
 */
export class Breaker {
  #state: 'closed' | 'open' | 'half-open' = 'half-open'
  #failures = 0
  #pauseMs = FIRST_PAUSE_MS
  #opensUntilMs = 0

  get state(): 'closed' | 'open' | 'half-open' {
    return this.#state
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Milliseconds until the next trial; 0 where there is nothing to wait for. */
  pauseLeftMs(nowMs: number): number {
    return this.#state === 'open' ? Math.max(0, this.#opensUntilMs - nowMs) : 0
  }

  /** A call was answered, as it should be. */
  succeeded(): void {
    if (this.#state === 'closed') this.#failures = 0
  }

  /**
   * A call failed by the replica's fault.
   *
   * @param failure.hasAnswered an error came back, so that a text may be the cause: enough of those call for a trial,
   *   and calls go on until it has failed.
   */
  failed(failure: { isAbsent: boolean; hasAnswered: boolean; nowMs: number }): 'noted' | 'suspect' | 'opened' {
    if (this.#state !== 'closed') return 'noted'
    this.#failures++
    if (!failure.isAbsent && this.#failures < FAILURES_TO_OPEN) return 'noted'
    if (failure.hasAnswered) {
      this.#failures = 0
      return 'suspect'
    }
    this.#open(failure.nowMs)
    return 'opened'
  }

  /** The pause is over. */
  halfOpen(): void {
    this.#state = 'half-open'
  }

  trialSucceeded(): void {
    this.#state = 'closed'
    this.#failures = 0
    this.#pauseMs = FIRST_PAUSE_MS
  }

  trialFailed(nowMs: number): void {
    this.#open(nowMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
  }

  #open(nowMs: number): void {
    this.#state = 'open'
    this.#failures = 0
    this.#opensUntilMs = nowMs + this.#pauseMs
  }
}

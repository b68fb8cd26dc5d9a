import { setTimeout as sleep } from 'node:timers/promises'
import { PullError, TransientError } from './pull-error.js'

/** How long a pull puts up with a server, in tries and milliseconds. */
export interface Patience {
  /** Tries in a row without progress before it gives up. */
  tries: number
  /** Wait before the second try; doubled for each further one. */
  firstWaitMs: number
  /** Longest wait between two tries, also when a server asks for more. */
  maxWaitMs: number
  /** An answer that has not begun, or a listing that has not ended, after this is a failure. */
  answerMs: number
  /** A download that brings fewer than `stallBytes` in this time has stalled. */
  stallMs: number
  stallBytes: number
}

export const PATIENCE: Patience = {
  tries: 6,
  firstWaitMs: 500,
  maxWaitMs: 300_000,
  answerMs: 30_000,
  stallMs: 30_000,
  stallBytes: 16_384,
}

/**
 * Do it again while it fails for the moment only.
 *
 * @param work tells, through `progressed`, that it got further; the count of tries begins anew then. Each such step has
 * to be a part of something finite, or this never ends.
 * @throws {PullError} after the last try, with what failed it. Other errors pass at once.
 */
export async function withRetries<Value>(
  work: (progressed: () => void) => Promise<Value>,
  { patience, signal, what }: { patience: Patience; signal: AbortSignal; what: string },
): Promise<Value> {
  let failures = 0
  for (;;) {
    try {
      return await work(() => {
        failures = 0
      })
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof TransientError)) throw error
      failures++
      if (failures >= patience.tries) {
        const message = error.message.startsWith(what) ? error.message : `${what}: ${error.message}`
        throw new PullError(`${message} (tried ${failures} times).`, { cause: error })
      }
      const backoffMs = patience.firstWaitMs * 2 ** (failures - 1)
      const waitMs = Math.max(backoffMs, error.retryAfterMs ?? 0)
      if (waitMs > patience.maxWaitMs) {
        throw new PullError(`${what}: ${error.message}; it asks to wait ${Math.ceil(waitMs / 1000)} s. Try later.`)
      }
      await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

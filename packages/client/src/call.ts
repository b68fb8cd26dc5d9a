import { sleep } from './call-scope.js'
import { QuiverError } from './quiver-error.js'
import type { HttpAnswer, HttpRequest } from './transport.js'

/** Options of the short calls. */
export interface CallOptions {
  timeoutMs?: number
  signal?: AbortSignal
}

/** One request with its retries, within the options' limits. */
export type Call = (request: HttpRequest, options: CallOptions) => Promise<HttpAnswer>

const FIRST_POLL_MS = 250
const LONGEST_POLL_MS = 5_000
/** A server that starts anew, or a proxy in front of it; jobs go on behind both. */
const LONGEST_OUTAGE_MS = 300_000

/**
 * Look at something until it has ended; at first often, then every five seconds.
 *
 * @throws {QuiverError} at the first look, of a refusal, or of an outage of more than five minutes.
 * @throws the signal's reason, when that fires.
 */
export async function waitFor<Value>(
  look: () => Promise<Value>,
  {
    hasEnded,
    onProgress,
    signal = new AbortController().signal,
  }: {
    hasEnded: (value: Value) => boolean
    onProgress?: ((value: Value) => void) | undefined
    signal?: AbortSignal | undefined
  },
): Promise<Value> {
  let answeredAtMs = Number.NEGATIVE_INFINITY
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.5, LONGEST_POLL_MS)) {
    try {
      const value = await look()
      answeredAtMs = performance.now()
      onProgress?.(value)
      if (hasEnded(value)) return value
    } catch (error) {
      const isPassing = error instanceof QuiverError && error.isRetryable
      if (!isPassing || performance.now() - answeredAtMs > LONGEST_OUTAGE_MS) throw error
    }
    await sleep(pollMs, signal)
  }
}

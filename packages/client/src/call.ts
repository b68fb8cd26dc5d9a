import { sleep } from './call-scope.js'
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

/**
 * Look at something until it has ended; at first often, then every five seconds.
 *
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
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.5, LONGEST_POLL_MS)) {
    const value = await look()
    onProgress?.(value)
    if (hasEnded(value)) return value
    await sleep(pollMs, signal)
  }
}

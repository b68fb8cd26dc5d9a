import { QuiverError } from './quiver-error.js'

/** The lifetime of one call: its signal fires when the caller gives up or the time has passed. */
export interface CallScope {
  readonly signal: AbortSignal
  /** Milliseconds until the deadline; Infinity without one. */
  remainingMs(): number
  /** Stop everything that still runs in this scope. */
  abort(): void
  /** Free the timer and the listener; every scope that is opened is ended. */
  end(): void
}

/**
 * Open a scope inside the caller's signal or another scope's.
 *
 * Not `AbortSignal.any`: signals made from a signal that lives as long as the program were not always collected, and a
 * client makes one a request.
 * @param timeoutMs after it the signal's reason is a {@link QuiverError} `client_timeout`; absent or Infinity: never.
 */
export function openScope({
  signal,
  timeoutMs = Number.POSITIVE_INFINITY,
}: {
  signal?: AbortSignal | undefined
  timeoutMs?: number | undefined
}): CallScope {
  const controller = new AbortController()
  const deadline = performance.now() + timeoutMs
  const follow = () => controller.abort(signal?.reason)
  if (signal?.aborted) follow()
  else signal?.addEventListener('abort', follow, { once: true })
  const timer = Number.isFinite(timeoutMs)
    ? setTimeout(() => controller.abort(timeout(timeoutMs)), timeoutMs)
    : undefined
  return {
    signal: controller.signal,
    remainingMs: () => deadline - performance.now(),
    abort: () => controller.abort(),
    end() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', follow)
    },
  }
}

/** @throws the signal's reason when it fires first. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

function timeout(timeoutMs: number): QuiverError {
  return new QuiverError(`No complete answer within ${timeoutMs} ms.`, { code: 'client_timeout', isRetryable: true })
}

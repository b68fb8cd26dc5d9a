/** First wait without advice of the server; doubled with every attempt. */
const FIRST_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 8_000
/** Statuses that a proxy or an older server means to pass; Quiver itself says it in `x-should-retry`. */
const PASSING = new Set([408, 429, 500, 502, 503, 504])

/** Whether the same request may succeed later. An embedding changes nothing, so that repeating it is always safe. */
export function isRetryable(status: number, headers: Headers): boolean {
  const advice = headers.get('x-should-retry')
  if (advice === 'true') return true
  if (advice === 'false') return false
  return PASSING.has(status)
}

/** `Retry-After` in either form, seconds or a date (RFC 9110 §10.2.3), as milliseconds from now. */
export function retryAfterMs(headers: Headers, now: number = Date.now()): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (value === undefined || value === '') return undefined
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0)
}

/**
 * Milliseconds before the next attempt: at least what the server asked for, else exponential backoff.
 *
 * The upper half is random, so that clients which failed together do not come back together.
 * @param attempt attempts that have failed before this one, from 0.
 */
export function retryDelayMs(
  attempt: number,
  advisedMs: number | undefined,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt)
  return Math.max(advisedMs ?? 0, ceiling * (0.5 + random() / 2))
}

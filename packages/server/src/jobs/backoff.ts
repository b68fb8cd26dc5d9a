/** Longest time between two tries of a part. */
export const MAX_BACKOFF_MS = 300_000

/** Until a part that failed is tried again: doubling from a second to five minutes, spread so that retries do not meet. */
export function backoffMs(failures: number, random: () => number): number {
  const longest = Math.min(1000 * 2 ** failures, MAX_BACKOFF_MS)
  return longest * (0.5 + random() / 2)
}

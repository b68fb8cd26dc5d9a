import type { Stage } from './job.js'

/** Longest time between two tries of a part. A receiver that is away for hours is asked less often than a disk. */
export const MAX_BACKOFF_MS = {
  plan: 300_000,
  compute: 300_000,
  finish: 300_000,
  notify: 3_600_000,
} as const satisfies Record<Stage, number>

/** Until a part that failed is tried again: doubling from a second to the longest, spread so that retries do not meet. */
export function backoffMs(failures: number, { stage, random }: { stage: Stage; random: () => number }): number {
  const longest = Math.min(1000 * 2 ** failures, MAX_BACKOFF_MS[stage])
  return longest * (0.5 + random() / 2)
}

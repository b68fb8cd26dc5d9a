import { setImmediate as turn } from 'node:timers/promises'
import { dot } from './vector.js'

/** How long is compared before others get a turn of the event loop. */
const LONGEST_TURN_MS = 50

/**
 * Groups of vectors that are near each other: two belong together when their cosine is at least `threshold`, or a chain of
 * such pairs leads from one to the other. Single-linkage clustering by disjoint sets: O(n²) comparisons, O(n) memory.
 *
 * Shape: n × Float32Array[d] of unit length → groups of two or more positions, largest first, ascending within.
 * @throws the signal's reason when it is aborted.
 */
export async function groupSimilar(
  vectors: readonly Float32Array[],
  { threshold, signal }: { threshold: number; signal: AbortSignal },
): Promise<number[][]> {
  const leaders = vectors.map((_, position) => position)
  let turnEndsAt = performance.now() + LONGEST_TURN_MS
  for (const [a, vector] of vectors.entries()) {
    for (let b = a + 1; b < vectors.length; b++) {
      // Already together: the dearest part, the comparison, is saved.
      const [first, second] = [leaderOf(leaders, a), leaderOf(leaders, b)]
      if (first !== second && dot(vector, vectors[b] as Float32Array) >= threshold) leaders[second] = first // b < length
    }
    if (performance.now() < turnEndsAt) continue
    await turn()
    signal.throwIfAborted()
    turnEndsAt = performance.now() + LONGEST_TURN_MS
  }
  const groups = new Map<number, number[]>()
  for (const position of leaders.keys()) {
    const leader = leaderOf(leaders, position)
    groups.set(leader, [...(groups.get(leader) ?? []), position])
  }
  return [...groups.values()].filter(({ length }) => length > 1).sort((a, b) => b.length - a.length)
}

/** The group's leader; paths are halved on the way, so that they stay short. */
function leaderOf(leaders: number[], position: number): number {
  let at = position
  for (let next = leaders[at]; next !== undefined && next !== at; next = leaders[at]) {
    leaders[at] = leaders[next] ?? next
    at = leaders[at] ?? next
  }
  return at
}

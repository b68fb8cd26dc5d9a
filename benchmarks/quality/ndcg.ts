/** Judged documents of one query: position in the corpus → gain above 0. */
export type Gains = ReadonlyMap<number, number>

/**
 * Positions of the `count` largest scores, best first; equal scores keep the order of the file.
 *
 * Time O(n log n) in native code; only the chosen few are sorted here.
 */
export function topRanked(scores: Float64Array, count: number): number[] {
  const threshold = scores.length <= count ? Number.NEGATIVE_INFINITY : scores.slice().sort().at(-count)
  const score = (index: number) => scores[index] as number // only indices of the list are asked for
  const candidates: number[] = []
  scores.forEach((value, index) => {
    if (value >= (threshold as number)) candidates.push(index)
  })
  return candidates.sort((i, j) => score(j) - score(i) || i - j).slice(0, count)
}

/** Normalised discounted cumulative gain with linear gain, in [0, 1]. @see Järvelin and Kekäläinen 2002 */
export function ndcg(ranking: readonly number[], gains: Gains, cutoff: number): number {
  const discounted = (values: readonly number[]) =>
    values.slice(0, cutoff).reduce((sum, gain, rank) => sum + gain / Math.log2(rank + 2), 0)
  const ideal = [...gains.values()].sort((a, b) => b - a)
  return discounted(ranking.map((document) => gains.get(document) ?? 0)) / discounted(ideal)
}

/** One over the rank of the first judged document; 0 when none is among the first `cutoff`. */
export function reciprocalRank(ranking: readonly number[], gains: Gains, cutoff: number): number {
  const rank = ranking.slice(0, cutoff).findIndex((document) => gains.has(document))
  return rank === -1 ? 0 : 1 / (rank + 1)
}

/** Share of the judged documents that are among the first `cutoff`. */
export function recall(ranking: readonly number[], gains: Gains, cutoff: number): number {
  return ranking.slice(0, cutoff).filter((document) => gains.has(document)).length / gains.size
}

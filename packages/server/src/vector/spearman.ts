/**
 * Spearman's rank correlation in [-1, 1]: Pearson's correlation of the ranks, equal values sharing their mean rank.
 *
 * NaN when either side is constant, as in SciPy. Time O(n log n).
 * @throws {RangeError} for lists of different length.
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`lists differ in length: ${a.length} and ${b.length}`)
  return pearson(toRanks(a), toRanks(b))
}

/** Ranks from 1 in ascending order; equal values get the mean of their ranks. */
export function toRanks(values: ArrayLike<number>): Float64Array {
  const at = (index: number) => values[index] as number // only indices of the list are asked for
  const order = Array.from(values, (_, index) => index).sort((i, j) => at(i) - at(j))
  const ranks = new Float64Array(values.length)
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && at(order[end] as number) === at(order[start] as number)) end++
    for (const index of order.slice(start, end)) ranks[index] = (start + end + 1) / 2
    start = end
  }
  return ranks
}

function pearson(a: Float64Array, b: Float64Array): number {
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
  const meanA = mean(a)
  const meanB = mean(b)
  let product = 0
  let squaresA = 0
  let squaresB = 0
  a.forEach((value, index) => {
    const x = value - meanA
    const y = (b[index] as number) - meanB // as long as a
    product += x * y
    squaresA += x * x
    squaresB += y * y
  })
  return product / Math.sqrt(squaresA * squaresB)
}

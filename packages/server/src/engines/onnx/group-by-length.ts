/** The share of the longest pass that a shorter one must have to join it: what it lacks is computed for nothing. */
const LEAST_LENGTH_SHARE = 0.8

/**
 * Passes that are computed together: of nearly one length, and within the budget once padded to the longest.
 *
 * @param lengths tokens of each pass. @returns indices into `lengths`; a pass over the budget is alone.
 */
export function groupByLength(lengths: readonly number[], maxPaddedTokens: number): number[][] {
  const order = lengths.map((length, index) => ({ length, index })).sort((a, b) => b.length - a.length)
  const groups: number[][] = []
  let longest = 0
  for (const { length, index } of order) {
    const group = groups.at(-1)
    const fits =
      group !== undefined && length >= LEAST_LENGTH_SHARE * longest && (group.length + 1) * longest <= maxPaddedTokens
    if (fits) group.push(index)
    else {
      groups.push([index])
      longest = length
    }
  }
  return groups
}

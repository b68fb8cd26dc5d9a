/**
 * V-measure of a clustering against the true labels, in [0, 1]: the harmonic mean of homogeneity (each cluster holds
 * one label) and completeness (each label lies in one cluster).
 *
 * @throws {RangeError} for lists of different length.
 * @see Rosenberg and Hirschberg 2007, V-Measure: A conditional entropy-based external cluster evaluation measure
 */
export function vMeasure(labels: ArrayLike<string | number>, clusters: ArrayLike<string | number>): number {
  if (labels.length !== clusters.length) {
    throw new RangeError(`lists differ in length: ${labels.length} and ${clusters.length}`)
  }
  const labelEntropy = entropy(Array.from(labels))
  const clusterEntropy = entropy(Array.from(clusters))
  const joint = entropy(Array.from(labels, (label, index) => `${clusters[index]}\n${label}`))
  // H(label | cluster) = H(both) - H(cluster), and the other way round.
  const homogeneity = labelEntropy === 0 ? 1 : 1 - (joint - clusterEntropy) / labelEntropy
  const completeness = clusterEntropy === 0 ? 1 : 1 - (joint - labelEntropy) / clusterEntropy
  const sum = homogeneity + completeness
  return sum === 0 ? 0 : (2 * homogeneity * completeness) / sum
}

function entropy(values: readonly (string | number)[]): number {
  const counts = new Map<string | number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => {
    const share = count / values.length
    return sum - share * Math.log(share)
  }, 0)
}

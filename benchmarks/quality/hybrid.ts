/** Dense and sparse scores of the documents of one query → scores to rank by. */
export type Combine = (dense: Float64Array, sparse: Float64Array) => Float64Array

/** Share of the sparse score where both are z-scores. */
const SPARSE_SHARE = 0.4
/** @see Cormack, Clarke & Büttcher 2009, Reciprocal Rank Fusion, who set it to 60. */
const RANK_CONSTANT = 60

/** The recommended way first, then what was compared with it. */
export const HYBRID: Readonly<Record<string, Combine>> = {
  hybrid: (dense, sparse) => add(dense, sparse, 1),
  'hybrid, z-scores': (dense, sparse) => add(zScores(dense), zScores(sparse), SPARSE_SHARE / (1 - SPARSE_SHARE)),
  'hybrid, ranks': (dense, sparse) => add(reciprocalRanks(dense), reciprocalRanks(sparse), 1),
}

/** Scores with mean 0 and standard deviation 1, so that two kinds can be added; equal scores become 0. */
export function zScores(scores: Float64Array): Float64Array {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const deviation = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length)
  return scores.map((score) => (deviation === 0 ? 0 : (score - mean) / deviation))
}

/** 1 / (60 + rank), the best score having rank 1; equal scores keep the order of the file. */
export function reciprocalRanks(scores: Float64Array): Float64Array {
  const best = Uint32Array.from(scores.keys()).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
  const values = new Float64Array(scores.length)
  best.forEach((document, rank) => {
    values[document] = 1 / (RANK_CONSTANT + rank + 1)
  })
  return values
}

function add(dense: Float64Array, sparse: Float64Array, weight: number): Float64Array {
  return dense.map((score, document) => score + weight * (sparse[document] as number)) // one for each document
}

import type { TextType } from '@quiver/protocol'

/** What the training side learned of terms; `terms.json` and the two files beside it. */
export interface TermWeights {
  /** For each piece, the piece that stands for it: `▁Apples`, `▁apple` and `apples` are one term. */
  canonical: Uint32Array
  /** For each piece, what it weighs on either side, at most 1; 0 for pieces that are no term. */
  weights: Float32Array
  /** A document's count c counts as c / (c + constant + perToken · tokens of the text). */
  saturation: { constant: number; perToken: number }
}

/**
 * Sparse vector of a text, so that the inner product of a query's and a document's is
 *
 *     Σ c_q w² · c_d / (c_d + bend)  /  Σ c_q w²      in [0, 1), over the terms of the query
 *
 * the share of the query's weight that the document has: BM25's saturation, with weights counted once for all
 * collections and a fixed length instead of the collection's mean. Both sides carry w, so that two documents can be
 * compared as well. Ascending by index; independent of the order of `ids`. Time O(n) and a sort of the distinct.
 *
 * @see Robertson & Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond
 */
export function weighTerms(
  ids: Int32Array,
  textType: TextType,
  { canonical, weights, saturation }: TermWeights,
): { index: number; value: number }[] {
  const counts = new Map<number, number>()
  for (const id of ids) {
    const term = canonical[id] ?? id
    counts.set(term, (counts.get(term) ?? 0) + 1)
  }
  const terms = [...counts]
    .map(([index, count]) => ({ index, count, weight: weights[index] ?? 0 }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => a.index - b.index)
  const total = terms.reduce((sum, { count, weight }) => sum + count * weight ** 2, 0)
  const bend = saturation.constant + saturation.perToken * ids.length
  const strength = textType === 'query' ? (count: number) => count / total : (count: number) => count / (count + bend)
  return terms.map(({ index, count, weight }) => ({
    index,
    value: Math.fround(weight * strength(count)),
  }))
}

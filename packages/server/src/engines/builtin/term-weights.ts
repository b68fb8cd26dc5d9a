import type { SparseTerm, TextType } from '@quiver/protocol'
import { type CompoundKind, compoundIndex, type TermTokenizer, termsOf } from './text-terms.js'

/** What the training side learned of terms; `terms.json` and the files beside it. */
export interface TermWeights {
  /** For each piece, the piece that stands for it: `▁Apples`, `▁apple` and `apples` are one term. */
  canonical: Uint32Array
  /** For each piece, what it weighs on either side, at most 1; 0 for pieces that are no term. */
  pieces: Float32Array
  /** What common compounds weigh, by their ascending indices. */
  compounds: { indices: Uint32Array; weights: Float32Array }
  /** What every other compound weighs. */
  rare: Readonly<Record<CompoundKind, number>>
  /** A document's count c counts as c / (c + constant · tokens of the text ^ exponent). */
  saturation: { constant: number; exponent: number }
}

/**
 * Sparse vector of a text, so that the inner product of a query's and a document's is
 *
 *     Σ c_q w² · c_d / (c_d + bend)  /  Σ c_q w²      in [0, 1), over the terms of the query
 *
 * the share of the query's weight that the document has: BM25's saturation, with weights counted once for all
 * collections and a fixed length instead of the collection's mean. Both sides carry w, so that two documents can be
 * compared as well. Ascending by index; independent of the order of the words. Time O(n) and a sort of the distinct.
 *
 * @see Robertson & Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond
 */
export function weighTerms(
  ids: Int32Array,
  textType: TextType,
  weights: TermWeights,
  tokenizer: TermTokenizer,
): SparseTerm[] {
  const terms = [...countTerms(ids, weights, tokenizer).values()].sort((a, b) => a.index - b.index)
  const total = terms.reduce((sum, { count, weight }) => sum + count * weight ** 2, 0)
  const bend = weights.saturation.constant * ids.length ** weights.saturation.exponent
  const strength = textType === 'query' ? (count: number) => count / total : (count: number) => count / (count + bend)
  return terms.map(({ index, token, count, weight }) => ({
    index,
    value: Math.fround(weight * strength(count)),
    token,
  }))
}

interface Counted {
  index: number
  token: string
  weight: number
  count: number
}

/** The distinct terms of a text, by index; those that weigh nothing are left out. */
function countTerms(ids: Int32Array, weights: TermWeights, tokenizer: TermTokenizer): Map<number, Counted> {
  const counts = new Map<number, Counted>()
  for (const term of termsOf(ids, tokenizer)) {
    const index =
      'piece' in term
        ? (weights.canonical[term.piece] ?? term.piece)
        : compoundIndex(term.text, weights.canonical.length)
    const known = counts.get(index)
    if (known !== undefined) {
      known.count++
    } else if ('piece' in term) {
      const weight = weights.pieces[index] ?? 0
      if (weight > 0) counts.set(index, { index, token: tokenizer.tokenText(index), weight, count: 1 })
    } else {
      // A word reads like the pieces that begin one.
      const token = term.compound === 'word' ? ` ${term.text}` : term.text
      counts.set(index, { index, token, weight: compoundWeight(index, term.compound, weights), count: 1 })
    }
  }
  return counts
}

function compoundWeight(index: number, kind: CompoundKind, { compounds, rare }: TermWeights): number {
  const { indices, weights } = compounds
  let low = 0
  let high = indices.length
  while (low < high) {
    const middle = (low + high) >>> 1 // low ≤ middle < high ≤ length
    if ((indices[middle] as number) < index) low = middle + 1
    else high = middle
  }
  return indices[low] === index ? (weights[low] ?? rare[kind]) : rare[kind]
}

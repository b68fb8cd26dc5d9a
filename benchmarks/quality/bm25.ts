import type { Terms } from './sparse.js'

/** Saturation and length normalisation. */
export interface Bm25 {
  k1: number
  b: number
}

/**
 * BM25 as an inner product: documents carry the whole weight, queries the number of times a term is asked for.
 *
 * It knows the collection that it searches (how many documents have a term, how long they are), which a stateless
 * sparse vector does not. Natural logarithm, idf above 0 as in Lucene.
 *
 * @see Robertson & Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond
 */
export function bm25(
  queries: readonly (readonly string[])[],
  documents: readonly (readonly string[])[],
  { k1, b }: Bm25,
): { queries: Terms[]; documents: Terms[] } {
  const counts = documents.map(countTerms)
  const foundIn = countTerms(counts.flatMap((own) => [...own.keys()]))
  const indices = new Map([...foundIn.keys()].map((term, index) => [term, index]))
  const meanLength = documents.reduce((sum, { length }) => sum + length, 0) / documents.length
  const idf = (term: string) => {
    const found = foundIn.get(term) ?? 0
    return Math.log(1 + (documents.length - found + 0.5) / (found + 0.5))
  }
  const toTerms = (own: ReadonlyMap<string, number>, weigh: (term: string, count: number) => number): Terms =>
    [...own].flatMap(([term, count]) => {
      const index = indices.get(term)
      return index === undefined ? [] : [{ index, value: weigh(term, count) }]
    })
  return {
    queries: queries.map((query) => toTerms(countTerms(query), (_, count) => count)),
    documents: counts.map((own, position) => {
      const length = (documents[position] as readonly string[]).length / meanLength // counts are made of documents
      const bend = k1 * (1 - b + b * length)
      return toTerms(own, (term, count) => (idf(term) * count * (k1 + 1)) / (count + bend))
    }),
  }
}

function countTerms(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return counts
}

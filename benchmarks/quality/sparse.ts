/** Terms of a text with their weights. */
export type Terms = readonly { index: number; value: number }[]

/**
 * Inner products of sparse vectors, through an inverted index.
 *
 * @returns for a query's position, the score of every document.
 */
export function scoreTerms(queries: readonly Terms[], documents: readonly Terms[]): (query: number) => Float64Array {
  const postings = new Map<number, { document: number; value: number }[]>()
  documents.forEach((terms, document) => {
    for (const { index, value } of terms) {
      const list = postings.get(index)
      if (list === undefined) postings.set(index, [{ document, value }])
      else list.push({ document, value })
    }
  })
  return (query) => {
    const scores = new Float64Array(documents.length)
    for (const { index, value: weight } of queries[query] ?? []) {
      for (const { document, value } of postings.get(index) ?? []) {
        scores[document] = (scores[document] as number) + weight * value // positions come from the same list
      }
    }
    return scores
  }
}

import type { Bench, Measurement } from './measurement.js'
import { prefixScores, toPrefixVectors } from './prefix.js'
import { meanMetrics, SEARCH_METRICS, type SearchSet, searchSets } from './search-set.js'
import { scoreTerms, zScores } from './sparse.js'

/** Weight of the sparse score beside the dense one, both as z-scores over the documents of a query. */
const SPARSE_SHARE = 0.4

/** Dense vectors with questions as `query` and as `document`; sparse vectors alone, and both together. */
export async function measureSearch(bench: Bench): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const set of searchSets(bench)) {
    for (const queryType of ['query', 'document'] as const) {
      measurements.push(...(await measureDense(set, queryType, bench)))
    }
    // Across languages the two sides share no terms.
    if (!set.isCrossLingual) measurements.push(...(await measureSparse(set, bench)))
  }
  return measurements
}

async function measureDense(set: SearchSet, queryType: 'query' | 'document', bench: Bench): Promise<Measurement[]> {
  const scoresOf = await denseScores(set, queryType, bench)
  const means = meanMetrics(set, scoresOf)
  return SEARCH_METRICS.map((metric) => ({
    group: 'search',
    set: set.name,
    metric,
    use: `${queryType}→document`,
    isHeadline: metric === 'nDCG@10' && queryType === 'query',
    values: means.get(metric) ?? [],
  }))
}

async function measureSparse(set: SearchSet, bench: Bench): Promise<Measurement[]> {
  const scoresOf = await denseScores(set, 'query', bench)
  const sparse = scoreTerms(await bench.weighTerms(set.queries), await bench.weighTerms(set.documents))
  const alone = meanMetrics(set, (query) => [sparse(query)]).get('nDCG@10') ?? []
  const together = meanMetrics(set, (query) => {
    const terms = zScores(sparse(query))
    return scoresOf(query).map((dense) =>
      zScores(dense).map((score, row) => (1 - SPARSE_SHARE) * score + SPARSE_SHARE * (terms[row] as number)),
    )
  })
  const common = { group: 'search' as const, set: set.name, metric: 'nDCG@10', isHeadline: false }
  return [
    { ...common, use: 'sparse', values: bench.dimensions.map(() => alone[0] ?? Number.NaN) },
    { ...common, use: 'query→document with sparse', values: together.get('nDCG@10') ?? [] },
  ]
}

async function denseScores(
  { queries, documents }: SearchSet,
  queryType: 'query' | 'document',
  bench: Bench,
): Promise<(query: number) => Float64Array[]> {
  const from = toPrefixVectors(await bench.embed(queries, queryType), bench.dimensions)
  const to = toPrefixVectors(await bench.embed(documents, 'document'), bench.dimensions)
  return (query) => prefixScores(from, query, to)
}

import { type Analyser, bigrams, english, segmented, words } from './analyser.js'
import { bm25 } from './bm25.js'
import { HYBRID } from './hybrid.js'
import type { Bench, Measurement } from './measurement.js'
import { prefixScores, toPrefixVectors } from './prefix.js'
import { type Language, meanMetrics, SEARCH_METRICS, type SearchSet, searchSets } from './search-set.js'
import { scoreTerms } from './sparse.js'

/** What a language's BM25 counts, beside the model's own pieces. */
const ANALYSERS: Readonly<Record<Language, Readonly<Record<string, Analyser>>>> = {
  en: { english, words },
  zh: { bigrams, segmented },
  other: { words },
}
/** Lucene's setting, and the one that Anserini found for passages. */
const BM25_SETTINGS = [
  { k1: 1.2, b: 0.75 },
  { k1: 0.9, b: 0.4 },
]

/** Dense vectors with questions as `query` and as `document`; sparse vectors alone, both together, and BM25. */
export async function measureSearch(bench: Bench): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const set of searchSets(bench)) {
    for (const queryType of ['query', 'document'] as const) {
      const scores = await denseScores(set, queryType, bench)
      measurements.push(...describe(set, `${queryType}→document`, scores, { isHeadline: queryType === 'query' }))
    }
    // Across languages the two sides share no terms.
    if (!set.isCrossLingual) measurements.push(...(await measureSparse(set, bench)), ...measureBm25(set, bench))
  }
  return measurements
}

async function measureSparse(set: SearchSet, bench: Bench): Promise<Measurement[]> {
  const documents = await bench.weighTerms(set.documents, 'document')
  const sparse = scoreTerms(await bench.weighTerms(set.queries, 'query'), documents)
  const dense = await denseScores(set, 'query', bench)
  const combined = Object.entries(HYBRID).flatMap(([use, combine]) =>
    describe(set, use, (query) => {
      const terms = sparse(query)
      return dense(query).map((scores) => combine(scores, terms))
    }),
  )
  return [
    ...withoutDimension(set, 'sparse', sparse, bench),
    ...withoutDimension(
      set,
      'sparse, document→document',
      scoreTerms(await bench.weighTerms(set.queries, 'document'), documents),
      bench,
    ),
    ...combined,
  ]
}

function measureBm25(set: SearchSet, bench: Bench): Measurement[] {
  return Object.entries({ ...ANALYSERS[set.language], pieces: bench.pieces }).flatMap(([name, analyse]) => {
    const queries = set.queries.map(analyse)
    const documents = set.documents.map(analyse)
    return BM25_SETTINGS.flatMap((setting) => {
      const vectors = bm25(queries, documents, setting)
      const use = `BM25 ${name}, k1 ${setting.k1}, b ${setting.b}`
      return withoutDimension(set, use, scoreTerms(vectors.queries, vectors.documents), bench)
    })
  })
}

function withoutDimension(
  set: SearchSet,
  use: string,
  scoresOf: (query: number) => Float64Array,
  { dimensions }: Bench,
): Measurement[] {
  return describe(set, use, (query) => [scoresOf(query)]).map((measurement) => ({
    ...measurement,
    withoutDimension: true,
    values: dimensions.map(() => measurement.values[0] ?? Number.NaN),
  }))
}

function describe(
  set: SearchSet,
  use: string,
  scoresOf: (query: number) => Float64Array[],
  { isHeadline } = { isHeadline: false },
): Measurement[] {
  const means = meanMetrics(set, scoresOf)
  return SEARCH_METRICS.map((metric) => ({
    group: 'search',
    set: set.name,
    metric,
    use,
    isHeadline: isHeadline && metric === 'nDCG@10',
    values: means.get(metric) ?? [],
  }))
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

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Measurement } from './measurement.js'
import { type Gains, ndcg, recall, reciprocalRank, topRanked } from './ndcg.js'
import { type PrefixVectors, prefixScores, toPrefixVectors } from './prefix.js'
import { readJsonLines, readTable } from './read-records.js'
import { sample } from './sample.js'

interface Text {
  id: string
  text: string
}

/** Questions in one language or set, documents of another; the ids are the same where `from` and `to` differ. */
interface SearchSet {
  name: string
  from: string
  to: string
}

const CROSS_LINGUAL = [
  ['zh', 'en'],
  ['en', 'zh'],
  ['es', 'en'],
  ['ar', 'en'],
] as const

const METRICS: Record<string, (ranking: readonly number[], gains: Gains) => number> = {
  'nDCG@10': (ranking, gains) => ndcg(ranking, gains, 10),
  'MRR@10': (ranking, gains) => reciprocalRank(ranking, gains, 10),
  'Recall@10': (ranking, gains) => recall(ranking, gains, 10),
  'Recall@100': (ranking, gains) => recall(ranking, gains, 100),
}
const DEEPEST_CUTOFF = 100

/** Every set of `usecases/search`, and XQuAD across languages; means over the queries that have a judgement. */
export async function measureSearch(bench: Bench): Promise<Measurement[]> {
  const folder = join(bench.data, 'usecases/search')
  const sets: SearchSet[] = [
    ...readdirSync(folder).map((name) => ({ name, from: name, to: name })),
    ...CROSS_LINGUAL.map(([from, to]) => ({ name: `xquad ${from}→${to}`, from: `xquad_${from}`, to: `xquad_${to}` })),
  ]
  const measurements: Measurement[] = []
  for (const set of sets) {
    for (const queryType of ['query', 'document'] as const) {
      measurements.push(...(await measureSet(set, { folder, queryType, bench })))
    }
  }
  return measurements
}

async function measureSet(
  { name, from, to }: SearchSet,
  { folder, queryType, bench }: { folder: string; queryType: 'query' | 'document'; bench: Bench },
): Promise<Measurement[]> {
  const corpus = readJsonLines<Text>(join(folder, to, 'docs.jsonl.gz'))
  const judged = readJudgements(join(folder, from, 'qrels.tsv.gz'))
  const all = readJsonLines<Text>(join(folder, from, 'queries.jsonl.gz')).filter(({ id }) => judged.has(id))
  const queries = sample(all, bench.sampleSize, ({ id }) => id)
  const gains = queries.map(({ id }) => judged.get(id) as ReadonlyMap<string, number>) // only judged ones are left
  const documents = bench.sampleSize === undefined ? corpus : sampleCorpus(corpus, gains, bench.sampleSize)
  const embed = async (texts: readonly Text[], textType: 'query' | 'document') =>
    toPrefixVectors(
      await bench.embed(
        texts.map(({ text }) => text),
        textType,
      ),
      bench.dimensions,
    )
  const means = meanMetrics(
    await embed(queries, queryType),
    await embed(documents, 'document'),
    toPositions(gains, documents),
  )
  return Object.keys(METRICS).map((metric) => ({
    group: 'search',
    set: name,
    metric,
    textType: `${queryType}→document`,
    isHeadline: metric === 'nDCG@10' && queryType === 'query',
    values: means.get(metric) ?? [],
  }))
}

/** Metric → its mean at each dimension. */
function meanMetrics(queries: PrefixVectors, documents: PrefixVectors, gains: readonly Gains[]): Map<string, number[]> {
  const means = new Map(Object.keys(METRICS).map((metric) => [metric, queries.dimensions.map(() => 0)]))
  gains.forEach((own, row) => {
    prefixScores(queries, row, documents).forEach((scores, index) => {
      const ranking = topRanked(scores, DEEPEST_CUTOFF)
      for (const [metric, measure] of Object.entries(METRICS)) {
        const sums = means.get(metric) as number[] // every metric has its list
        sums[index] = (sums[index] as number) + measure(ranking, own) / gains.length
      }
    })
  })
  return means
}

/** Query → document → gain above 0. */
function readJudgements(path: string): Map<string, Map<string, number>> {
  const judged = new Map<string, Map<string, number>>()
  for (const { query = '', doc = '', gain } of readTable(path)) {
    if (Number(gain) > 0) judged.set(query, (judged.get(query) ?? new Map<string, number>()).set(doc, Number(gain)))
  }
  return judged
}

/** The judged documents of a sample of queries, and four times as many others. */
function sampleCorpus(corpus: readonly Text[], gains: readonly ReadonlyMap<string, number>[], size: number): Text[] {
  const needed = new Set(gains.flatMap((own) => [...own.keys()]))
  const others = new Set(sample(corpus, 4 * size, ({ id }) => id))
  return corpus.filter((document) => needed.has(document.id) || others.has(document))
}

function toPositions(gains: readonly ReadonlyMap<string, number>[], documents: readonly Text[]): Gains[] {
  const positions = new Map(documents.map(({ id }, position) => [id, position]))
  return gains.map(
    (own) => new Map([...own].map(([id, gain]) => [positions.get(id) ?? -1, gain])), // a missing one is never found
  )
}

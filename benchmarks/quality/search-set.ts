import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './measurement.js'
import { type Gains, ndcg, recall, reciprocalRank, topRanked } from './ndcg.js'
import { readJsonLines, readTable } from './read-records.js'
import { sample } from './sample.js'

/** Languages that have analysers of their own, and means of their own in the reports. */
export type Language = 'en' | 'zh' | 'other'

/** Questions with the documents that answer them. */
export interface SearchSet {
  name: string
  /** Of the questions. */
  language: Language
  /** Whether questions and documents are in different languages. */
  isCrossLingual: boolean
  queries: string[]
  documents: string[]
  /** For each query, the positions of its documents. */
  gains: Gains[]
}

interface Text {
  id: string
  text: string
}

const CROSS_LINGUAL = [
  ['zh', 'en'],
  ['en', 'zh'],
  ['es', 'en'],
  ['ar', 'en'],
] as const

/** Code is asked for in English. */
const LANGUAGES: Readonly<Record<string, Language>> = {
  xquad_en: 'en',
  code_cosqa_dev: 'en',
  code_pystdlib: 'en',
  xquad_zh: 'zh',
  cmrc_trial_zh: 'zh',
  cmrc_trial_sentences_zh: 'zh',
  drcd_dev_zhHant: 'zh',
}

const MEASURES: Record<string, (ranking: readonly number[], gains: Gains) => number> = {
  'nDCG@10': (ranking, gains) => ndcg(ranking, gains, 10),
  'MRR@10': (ranking, gains) => reciprocalRank(ranking, gains, 10),
  'Recall@10': (ranking, gains) => recall(ranking, gains, 10),
  'Recall@100': (ranking, gains) => recall(ranking, gains, 100),
}
export const SEARCH_METRICS = Object.keys(MEASURES)

/** Language of a set's questions, by the set's name. */
export function languageOf(set: string): Language {
  return LANGUAGES[set] ?? 'other'
}

const DEEPEST_CUTOFF = 100

/** Every set of `usecases/search`, and XQuAD across languages, whose ids are the same in all of them; one at a time. */
export function* searchSets({ data, sampleSize }: Bench): Generator<SearchSet> {
  const folder = join(data, 'usecases/search')
  const load = (name: string, from: string, to: string) =>
    loadSet(name, { from: join(folder, from), to: join(folder, to), sampleSize })
  for (const name of readdirSync(folder)) yield load(name, name, name)
  for (const [from, to] of CROSS_LINGUAL) yield load(`xquad ${from}→${to}`, `xquad_${from}`, `xquad_${to}`)
}

/**
 * Every metric of every list of rankings: a list for each dimension, a ranking for each query.
 *
 * @param scoresOf for one query, the scores of all documents, once for each dimension.
 * @returns metric → its mean over the queries, at each dimension.
 */
export function meanMetrics({ gains }: SearchSet, scoresOf: (query: number) => Float64Array[]): Map<string, number[]> {
  const means = new Map(SEARCH_METRICS.map((metric): [string, number[]] => [metric, []]))
  gains.forEach((own, query) => {
    scoresOf(query).forEach((scores, index) => {
      const ranking = topRanked(scores, DEEPEST_CUTOFF)
      for (const [metric, measure] of Object.entries(MEASURES)) {
        const values = means.get(metric) as number[] // every metric has its list
        values[index] = (values[index] ?? 0) + measure(ranking, own) / gains.length
      }
    })
  })
  return means
}

function loadSet(
  name: string,
  { from, to, sampleSize }: { from: string; to: string; sampleSize: number | undefined },
): SearchSet {
  const corpus = readJsonLines<Text>(join(to, 'docs.jsonl.gz'))
  const judged = readJudgements(join(from, 'qrels.tsv.gz'))
  // Two questions of CMRC's trial part are empty; no service embeds an empty text.
  const all = readJsonLines<Text>(join(from, 'queries.jsonl.gz')).filter(
    ({ id, text }) => judged.has(id) && text.trim() !== '',
  )
  const queries = sample(all, sampleSize, ({ id }) => id)
  const gains = queries.map(({ id }) => judged.get(id) as ReadonlyMap<string, number>) // only judged ones are left
  const documents = sampleSize === undefined ? corpus : sampleCorpus(corpus, gains, sampleSize)
  return {
    name,
    language: languageOf(name),
    isCrossLingual: from !== to,
    queries: queries.map(({ text }) => text),
    documents: documents.map(({ text }) => text),
    gains: toPositions(gains, documents),
  }
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

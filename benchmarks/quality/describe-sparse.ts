import { type Section, toPoints } from '../report.js'
import type { Measurement } from './measurement.js'
import { type Language, languageOf } from './search-set.js'

/** Where dense vectors are taken: the default dimension of v3 and v4. */
const DIMENSION = 1024
const METRICS = ['nDCG@10', 'MRR@10']
const LANGUAGES: Readonly<Record<Language, string>> = { zh: 'Chinese', en: 'English and code', other: 'Others' }

/** Sparse vectors beside BM25 and dense vectors: means by language, every set, and every kind of BM25. */
export function describeSparse(measurements: readonly Measurement[], dimensions: readonly number[]): Section[] {
  const column = Math.max(0, dimensions.indexOf(DIMENSION))
  const found = new Table(measurements, column)
  if (found.sets('zh', 'sparse').length + found.sets('en', 'sparse').length === 0) return []
  return [
    ...METRICS.flatMap((metric) => [describeMeans(found, metric), describeSets(found, metric)]),
    ...METRICS.map((metric) => describeBm25(found, metric)),
  ]
}

/** The figures of search, found by set, metric and use. */
class Table {
  readonly #values = new Map<string, number>()
  readonly #sets = new Map<string, string[]>()

  constructor(measurements: readonly Measurement[], column: number) {
    for (const { group, set, metric, use, values } of measurements) {
      if (group !== 'search') continue
      this.#values.set(JSON.stringify([set, metric, use]), values[column] ?? Number.NaN)
      const known = this.#sets.get(use) ?? []
      if (!known.includes(set)) this.#sets.set(use, [...known, set])
    }
  }

  value(set: string, metric: string, use: string): number {
    return this.#values.get(JSON.stringify([set, metric, use])) ?? Number.NaN
  }

  sets(language: Language, use: string): string[] {
    return (this.#sets.get(use) ?? []).filter((set) => languageOf(set) === language)
  }

  mean(language: Language, metric: string, use: string): number {
    const sets = this.sets(language, use)
    return sets.reduce((sum, set) => sum + this.value(set, metric, use), 0) / sets.length
  }

  uses(prefix: string): string[] {
    return [...this.#sets.keys()].filter((use) => use.startsWith(prefix))
  }

  /** The kind of BM25 with the highest mean nDCG@10 over a language's sets: the baseline. */
  strongestBm25(language: Language): string {
    const complete = this.uses('BM25').filter(
      (use) => this.sets(language, use).length === this.sets(language, 'sparse').length,
    )
    return complete.reduce((best, use) =>
      this.mean(language, 'nDCG@10', use) > this.mean(language, 'nDCG@10', best) ? use : best,
    )
  }

  columns(): string[] {
    return [...this.uses('sparse'), 'query→document', ...this.uses('hybrid')]
  }

  languages(): Language[] {
    return (['zh', 'en', 'other'] as const).filter((language) => this.sets(language, 'sparse').length > 0)
  }
}

function describeMeans(found: Table, metric: string): Section {
  return {
    title: `Sparse and hybrid: ${metric}, means by language`,
    notes: [
      `Dense and hybrid at ${DIMENSION} dimensions. The baseline is the kind of BM25 with the highest mean nDCG@10 over the language's sets.`,
    ],
    header: ['', 'BM25', 'baseline', ...found.columns()],
    rows: found
      .languages()
      .map((language) => [
        LANGUAGES[language],
        toPoints(found.mean(language, metric, found.strongestBm25(language))),
        found.strongestBm25(language),
        ...found.columns().map((use) => toPoints(found.mean(language, metric, use))),
      ]),
  }
}

function describeSets(found: Table, metric: string): Section {
  return {
    title: `Sparse and hybrid: ${metric}`,
    header: ['Set', 'BM25', ...found.columns()],
    rows: found
      .languages()
      .flatMap((language) =>
        found
          .sets(language, 'sparse')
          .map((set) => [
            set,
            toPoints(found.value(set, metric, found.strongestBm25(language))),
            ...found.columns().map((use) => toPoints(found.value(set, metric, use))),
          ]),
      ),
  }
}

function describeBm25(found: Table, metric: string): Section {
  const sets = found.languages().flatMap((language) => found.sets(language, 'sparse'))
  return {
    title: `BM25 with statistics of the set itself: ${metric}`,
    header: ['', ...sets],
    rows: found.uses('BM25').map((use) => [use, ...sets.map((set) => toPoints(found.value(set, metric, use)))]),
  }
}

import { join } from 'node:path'
import type { Bench, Measurement } from './measurement.js'
import { type PrefixVectors, prefixScores, toPrefixVectors } from './prefix.js'
import { readRows } from './read-records.js'
import { sample } from './sample.js'

interface Translation {
  text: string
  english: string
}

/** Rows of each language that the teacher's and the prototypes' figures, and so the floor, were taken on. */
const FLOOR_ROWS = 200

/**
 * Tatoeba: share of the sentences whose nearest English sentence of the same language's file is their translation.
 *
 * More candidates make it harder, so the mean is given twice: over all rows of each language (500, Thai 274), and over
 * the first 200, each among the English sentences of the same rows.
 */
export async function measureBitext(bench: Bench): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const use of ['document', 'query'] as const) {
    const all: number[][] = []
    const few: number[][] = []
    for (const [language, translations] of readTranslations(bench)) {
      const sides = await embedBoth(translations, use, bench)
      const values = accuracy(sides, translations.length)
      all.push(values)
      few.push(accuracy(sides, Math.min(FLOOR_ROWS, translations.length)))
      const set = `Tatoeba ${language}→en`
      measurements.push({ group: 'bitext', set, metric: 'accuracy', use, isHeadline: use === 'document', values })
    }
    const common = { group: 'bitext' as const, metric: 'accuracy', use, isHeadline: false }
    measurements.push({ ...common, set: 'Tatoeba mean', values: meanOf(all) })
    measurements.push({ ...common, set: `Tatoeba mean, first ${FLOOR_ROWS} rows`, values: meanOf(few) })
  }
  return measurements
}

interface Sides {
  from: PrefixVectors
  to: PrefixVectors
}

async function embedBoth(
  translations: readonly Translation[],
  use: 'query' | 'document',
  { embed, dimensions }: Bench,
): Promise<Sides> {
  const texts = translations.map(({ text }) => text)
  const english = translations.map((translation) => translation.english)
  return {
    from: toPrefixVectors(await embed(texts, use), dimensions),
    to: toPrefixVectors(await embed(english, use), dimensions),
  }
}

/** Of the first `rows` of either side, at each dimension. */
function accuracy({ from, to }: Sides, rows: number): number[] {
  const candidates = { ...to, vectors: to.vectors.slice(0, rows) }
  const hits = from.dimensions.map(() => 0)
  for (let row = 0; row < rows; row++) {
    prefixScores(from, row, candidates).forEach((scores, index) => {
      if (argmax(scores) === row) hits[index] = (hits[index] as number) + 1 // one for each dimension
    })
  }
  return hits.map((count) => count / rows)
}

function readTranslations({ data, sampleSize }: Bench): Map<string, Translation[]> {
  const languages = new Map<string, Translation[]>()
  for (const [language = '', text = '', english = ''] of readRows(join(data, 'text/eval/tatoeba.tsv.gz'))) {
    languages.set(language, [...(languages.get(language) ?? []), { text, english }])
  }
  return new Map(
    [...languages].map(([language, translations]) => [language, sample(translations, sampleSize, ({ text }) => text)]),
  )
}

/** Position of the largest value; of equal ones the first. */
function argmax(values: Float64Array): number {
  return values.reduce((best, value, index) => (value > (values[best] as number) ? index : best), 0)
}

/** Mean at each dimension. */
function meanOf(curves: readonly number[][]): number[] {
  return (curves[0] ?? []).map((_, index) => {
    return curves.reduce((sum, values) => sum + (values[index] as number), 0) / curves.length // all of one length
  })
}

import { join } from 'node:path'
import type { Bench, Measurement } from './measurement.js'
import { prefixScores, toPrefixVectors } from './prefix.js'
import { readRows } from './read-records.js'
import { sample } from './sample.js'

interface Translation {
  text: string
  english: string
}

/** Tatoeba: share of the sentences whose nearest English sentence of the same language's file is their translation. */
export async function measureBitext(bench: Bench): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const textType of ['document', 'query'] as const) {
    const all: Measurement[] = []
    for (const [language, translations] of readTranslations(bench)) {
      const values = await accuracy(translations, textType, bench)
      const isHeadline = textType === 'document'
      all.push({
        group: 'bitext',
        set: `Tatoeba ${language}→en`,
        metric: 'accuracy',
        use: textType,
        isHeadline,
        values,
      })
    }
    const mean = bench.dimensions.map((_, index) => meanOf(all.map(({ values }) => values[index] as number)))
    measurements.push(...all)
    measurements.push({
      group: 'bitext',
      set: 'Tatoeba mean',
      metric: 'accuracy',
      use: textType,
      isHeadline: false,
      values: mean,
    })
  }
  return measurements
}

async function accuracy(
  translations: readonly Translation[],
  textType: 'query' | 'document',
  bench: Bench,
): Promise<number[]> {
  const texts = translations.map(({ text }) => text)
  const english = translations.map((translation) => translation.english)
  const from = toPrefixVectors(await bench.embed(texts, textType), bench.dimensions)
  const to = toPrefixVectors(await bench.embed(english, textType), bench.dimensions)
  const hits = bench.dimensions.map(() => 0)
  texts.forEach((_, row) => {
    prefixScores(from, row, to).forEach((scores, index) => {
      if (argmax(scores) === row) hits[index] = (hits[index] as number) + 1 // one for each dimension
    })
  })
  return hits.map((count) => count / texts.length)
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

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

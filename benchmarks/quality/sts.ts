import { join } from 'node:path'
import { spearman } from '@quiver/server/dist/vector/spearman.js'
import type { Bench, Measurement } from './measurement.js'
import { prefixCosines, toPrefixVectors } from './prefix.js'
import { readRows } from './read-records.js'
import { sample } from './sample.js'

interface Pair {
  language: string
  score: number
  first: string
  second: string
}

const TEXT_TYPES = ['document', 'query'] as const

/** STS benchmark, machine-translated: Spearman of cosine against the human score. Test in 11 languages, dev in two. */
export async function measureSts(bench: Bench): Promise<Measurement[]> {
  const test = byLanguage(readPairs(bench, 'stsb_test'))
  const dev = byLanguage(readPairs(bench, 'stsb_dev'))
  const sets = [
    ...[...test].map(([language, pairs]) => ({ name: `test ${language}`, pairs, isTest: true })),
    ...['en', 'zh'].map((language) => ({ name: `dev ${language}`, pairs: dev.get(language) ?? [], isTest: false })),
  ]
  const measurements: Measurement[] = []
  for (const textType of TEXT_TYPES) {
    for (const { name, pairs, isTest } of sets) {
      const values = await correlate(pairs, textType, bench)
      const isHeadline = isTest && textType === 'document'
      measurements.push({ group: 'sts', set: `STSb ${name}`, metric: 'Spearman', use: textType, isHeadline, values })
    }
  }
  return measurements
}

async function correlate(pairs: readonly Pair[], textType: 'query' | 'document', bench: Bench): Promise<number[]> {
  const texts = [...pairs.map(({ first }) => first), ...pairs.map(({ second }) => second)]
  const vectors = toPrefixVectors(await bench.embed(texts, textType), bench.dimensions)
  const cosines = pairs.map((_, row) => prefixCosines(vectors, row, vectors, pairs.length + row))
  const scores = pairs.map(({ score }) => score)
  return bench.dimensions.map((_, index) =>
    spearman(
      cosines.map((cosine) => cosine[index] as number), // one for each dimension
      scores,
    ),
  )
}

function readPairs({ data, sampleSize }: Bench, name: string): Pair[] {
  const rows = readRows(join(data, `text/eval/${name}.tsv.gz`))
  const pairs = rows.map(([language = '', score, first = '', second = '']) => ({
    language,
    score: Number(score),
    first,
    second,
  }))
  return [...byLanguage(pairs).values()].flatMap((own) =>
    sample(own, sampleSize, ({ first, second }) => `${first}\t${second}`),
  )
}

function byLanguage(pairs: readonly Pair[]): Map<string, Pair[]> {
  const languages = new Map<string, Pair[]>()
  for (const pair of pairs) languages.set(pair.language, [...(languages.get(pair.language) ?? []), pair])
  return languages
}

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { kMeans } from './k-means.js'
import type { Bench, Measurement } from './measurement.js'
import { toUnitRows } from './prefix.js'
import { readRows, readTable } from './read-records.js'
import { sample } from './sample.js'
import { vMeasure } from './v-measure.js'

interface Labelled {
  label: string
  text: string
}

const SEEDS = [1, 2, 3]
/** Starts for each seed, of which k-means keeps the tightest result. */
const RESTARTS = 3

/** k-means with as many clusters as there are labels; V-measure, mean over the seeds. */
export async function measureCluster(bench: Bench): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const [set, records] of readSets(bench.data)) {
    const kept = sample(records, bench.sampleSize, ({ text }) => text)
    const texts = kept.map(({ text }) => text)
    const labels = kept.map(({ label }) => label)
    const vectors = await bench.embed(texts, 'document')
    const values = bench.dimensions.map((dimension) => clusterAndCompare(vectors, dimension, labels))
    measurements.push({ group: 'cluster', set, metric: 'V-measure', use: 'document', isHeadline: true, values })
  }
  return measurements
}

function clusterAndCompare(vectors: readonly Float32Array[], dimension: number, labels: readonly string[]): number {
  const points = { data: toUnitRows(vectors, dimension), dimension }
  const k = new Set(labels).size
  const values = SEEDS.map((seed) => vMeasure(labels, kMeans(points, { k, seed, restarts: RESTARTS }).clusters))
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function readSets(data: string): [string, Labelled[]][] {
  const agNews = readRows(join(data, 'text/eval/cluster_en_agnews.tsv.gz'))
  const thucNews = readRows(join(data, 'text/eval/cluster_zh_thucnews.tsv.gz'))
  const folder = join(data, 'usecases/cluster')
  const sib = readdirSync(folder).filter((name) => name.startsWith('sib200_'))
  return [
    ['AG News', agNews.map(([label = '', title, text]) => ({ label, text: `${title} ${text}` }))],
    ['AG News titles', agNews.map(([label = '', title = '']) => ({ label, text: title }))],
    ['THUCNews titles', thucNews.map(([label = '', title = '']) => ({ label, text: title }))],
    ...sib.map((name): [string, Labelled[]] => [
      `SIB-200 ${name.slice('sib200_'.length, -'.tsv.gz'.length)}`,
      readTable(join(folder, name)).map(({ label = '', text = '' }) => ({ label, text })),
    ]),
  ]
}

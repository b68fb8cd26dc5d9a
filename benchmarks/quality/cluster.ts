import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createProgress } from '@quiver/server/dist/cli/progress.js'
import type { ClusterTask } from './k-means-thread.js'
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
    const labels = kept.map(({ label }) => label)
    const vectors = await bench.embed(
      kept.map(({ text }) => text),
      'document',
    )
    const values = await measureSet(vectors, labels, { set, dimensions: bench.dimensions })
    measurements.push({ group: 'cluster', set, metric: 'V-measure', use: 'document', isHeadline: true, values })
  }
  return measurements
}

/** Every dimension and seed is a task of its own; as many run at once as there are cores. */
async function measureSet(
  vectors: readonly Float32Array[],
  labels: readonly string[],
  { set, dimensions }: { set: string; dimensions: readonly number[] },
): Promise<number[]> {
  const k = new Set(labels).size
  const values = dimensions.map(() => 0)
  // The slow ones first, so that no core waits for them at the end.
  const tasks = dimensions.flatMap((dimension, index) => SEEDS.map((seed) => ({ dimension, index, seed }))).reverse()
  const progress = createProgress(`clustering ${set}`, tasks.length)
  const lane = async () => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      const { dimension, index, seed } = task
      const points = { data: toUnitRows(vectors, dimension), dimension }
      const clusters = await clusterInThread({ points, options: { k, seed, restarts: RESTARTS } })
      values[index] = (values[index] as number) + vMeasure(labels, clusters) / SEEDS.length // one for each dimension
      progress.add(1)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  progress.stop()
  return values
}

async function clusterInThread(task: ClusterTask): Promise<Int32Array> {
  const thread = new Worker(new URL('./k-means-thread.js', import.meta.url), { workerData: task })
  const [clusters] = await once(thread, 'message') // an error of the thread rejects
  return clusters as Int32Array // what k-means-thread.ts posts
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

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CACHE, DATA, FLOORS, RESULTS } from '../places.js'
import { publish } from '../report.js'
import { measureBitext } from './bitext.js'
import { measureCluster } from './cluster.js'
import { describeQuality } from './describe-quality.js'
import { describeSparse } from './describe-sparse.js'
import { startEmbedder } from './embedder.js'
import { checkFloors, type Floors } from './floors.js'
import { type Bench, GROUPS, type Group, type Measurement } from './measurement.js'
import { measureSearch } from './search.js'
import { measureSts } from './sts.js'

const MEASURE: Record<Group, (bench: Bench) => Promise<Measurement[]>> = {
  sts: measureSts,
  bitext: measureBitext,
  cluster: measureCluster,
  search: measureSearch,
}

/**
 * Quality of the model that is shipped, through the pipeline that serves it; exit code 1 when a floor is missed.
 *
 * Every text is embedded once, at the largest dimension; the smaller ones are prefixes, as they are for users.
 */
export async function quality(words: readonly string[]): Promise<void> {
  const { groups, sampleSize } = parseOptions(words)
  const embedder = await startEmbedder(CACHE)
  const { dimensions } = embedder.model
  const { embed, weighTerms, pieces } = embedder
  const bench: Bench = { data: DATA, dimensions, sampleSize, embed, weighTerms, pieces }
  const measurements: Measurement[] = []
  try {
    for (const group of groups) {
      const startedAt = performance.now()
      measurements.push(...(await MEASURE[group](bench)))
      process.stderr.write(`${group}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`)
    }
  } finally {
    await embedder.close()
  }
  const floors = JSON.parse(readFileSync(FLOORS, 'utf8')) as Floors // checked in beside this file
  // Floors are meant for whole sets; a sample is another set.
  const checks = sampleSize === undefined ? checkFloors(measurements, dimensions, floors) : []
  const isWhole = sampleSize === undefined && groups.length === GROUPS.length
  publish('Quality of the built-in text model', {
    command: ['npm run bench -- quality', ...words].join(' '),
    sections: describeQuality({ measurements, dimensions, checks, sampleSize }),
    ...(isWhole ? { file: 'quality.md' } : {}),
  })
  const sparse = describeSparse(measurements, dimensions)
  if (sparse.length > 0) {
    publish('Sparse vectors, BM25 and hybrid search', {
      command: ['npm run bench -- quality', ...words].join(' '),
      sections: sparse,
      ...(sampleSize === undefined ? { file: 'sparse.md' } : {}),
    })
  }
  if (isWhole) {
    const content = { date: new Date().toISOString(), space: embedder.space, dimensions, measurements, checks }
    writeFileSync(join(RESULTS, 'quality.json'), `${JSON.stringify(content, roundNumbers, 1)}\n`)
  }
  if (checks.some(({ isMet }) => !isMet)) process.exitCode = 1
}

function parseOptions(words: readonly string[]): { groups: readonly Group[]; sampleSize: number | undefined } {
  const { values } = parseArgs({
    args: [...words],
    options: { only: { type: 'string', multiple: true }, sample: { type: 'string' } },
  })
  const { only, sample } = values
  const groups = only === undefined ? GROUPS : GROUPS.filter((group) => only.includes(group))
  const sampleSize = sample === undefined ? undefined : Number(sample)
  if (groups.length === 0 || (sampleSize !== undefined && !(sampleSize >= 1))) {
    throw new TypeError(`usage: quality [--only ${GROUPS.join('|')}]… [--sample N]`)
  }
  return { groups, sampleSize }
}

function roundNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1e5) / 1e5 : value
}

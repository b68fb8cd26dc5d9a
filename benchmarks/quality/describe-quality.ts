import { type Section, toPoints } from '../report.js'
import { type FloorCheck, meanOfHeadlines } from './floors.js'
import { GROUPS, type Group, type Measurement } from './measurement.js'

export interface Quality {
  measurements: readonly Measurement[]
  dimensions: readonly number[]
  checks: readonly FloorCheck[]
  sampleSize: number | undefined
}

const TITLES: Record<Group, string> = {
  sts: 'Sentence similarity',
  bitext: 'Translations found among sentences',
  cluster: 'Clustering',
  search: 'Search',
}

/** Means first, then the floors, then every set: one table for each metric and use of the texts. */
export function describeQuality(quality: Quality): Section[] {
  const { measurements, dimensions, checks } = quality
  const tables = new Map<string, Measurement[]>()
  for (const measurement of measurements) {
    if (measurement.withoutDimension) continue
    const title = `${TITLES[measurement.group]}: ${measurement.metric}, ${measurement.use}`
    tables.set(title, [...(tables.get(title) ?? []), measurement])
  }
  const sets = [...tables].map(([title, rows]) => ({
    title,
    header: ['Set', ...dimensions.map(String)],
    rows: rows.map(({ set, values }) => [set, ...values.map(toPoints)]),
  }))
  return [describeMeans(quality), ...(checks.length === 0 ? [] : [describeFloors(checks)]), ...sets]
}

function describeMeans({ measurements, dimensions, sampleSize }: Quality): Section {
  const measured = GROUPS.filter((group) => measurements.some((measurement) => measurement.group === group))
  const rows = measured.map((group) => {
    const own = measurements.filter((measurement) => measurement.group === group)
    return [TITLES[group], ...meanOfHeadlines(own, dimensions).map(toPoints)]
  })
  const note =
    'By dimension. Sentence similarity: Spearman on the test sets. Translations: accuracy. Clustering: V-measure. Search: nDCG@10, `query` against `document`.'
  return {
    title: 'Means over the sets',
    notes:
      sampleSize === undefined
        ? [note]
        : [note, `A sample of ${sampleSize} records a set: not comparable with whole sets.`],
    header: ['', ...dimensions.map(String)],
    rows: [...rows, ['All sets', ...meanOfHeadlines(measurements, dimensions).map(toPoints)]],
  }
}

function describeFloors(checks: readonly FloorCheck[]): Section {
  const missed = checks.filter(({ isMet }) => !isMet).length
  return {
    title: missed === 0 ? 'Floors: all met' : `Floors: ${missed} MISSED`,
    header: ['What', 'At least', 'Measured', '', 'Goal', ''],
    rows: checks.map(({ what, least, goal, value, isMet }) => [
      what,
      toPoints(least),
      toPoints(value),
      isMet ? 'met' : '**missed**',
      goal === undefined ? '' : toPoints(goal),
      goal === undefined ? '' : value >= goal ? 'reached' : '**not reached**',
    ]),
  }
}

import type { Measurement } from './measurement.js'

/** What the shipped model must reach; `floors.json`. */
export interface Floors {
  dimension: number
  /** `least` fails the run; `goal` is what the model is meant to reach, and is shown reached or not. */
  floors: { set: string; metric: string; use: string; least: number; goal: number }[]
  /** How much the mean over the sets may be lower than at the next smaller dimension. */
  growth: { tolerance: number }
}

export interface FloorCheck {
  what: string
  least: number
  goal?: number
  value: number
  isMet: boolean
}

/**
 * Hold the measurements against the floors. A floor whose group was not measured is left out; one whose set is
 * missing from a measured group is missed.
 */
export function checkFloors(
  measurements: readonly Measurement[],
  dimensions: readonly number[],
  { floors, dimension, growth }: Floors,
): FloorCheck[] {
  const column = dimensions.indexOf(dimension)
  const measuredMetrics = new Set(measurements.map(({ metric }) => metric))
  const checks = floors
    .filter(({ metric }) => measuredMetrics.has(metric))
    .map((floor): FloorCheck => {
      const found = measurements.find(
        ({ set, metric, use }) => set === floor.set && metric === floor.metric && use === floor.use,
      )
      const value = found?.values[column] ?? Number.NaN
      const what = `${floor.set}, ${floor.metric}, ${floor.use}, ${dimension} dimensions`
      return { what, least: floor.least, goal: floor.goal, value, isMet: value >= floor.least }
    })
  return [...checks, ...checkGrowth(meanOfHeadlines(measurements, dimensions), dimensions, growth.tolerance)]
}

/** Mean of the sets' headline figures at each dimension. */
export function meanOfHeadlines(measurements: readonly Measurement[], dimensions: readonly number[]): number[] {
  const headlines = measurements.filter(({ isHeadline }) => isHeadline)
  return dimensions.map(
    (_, index) => headlines.reduce((sum, { values }) => sum + (values[index] as number), 0) / headlines.length,
  )
}

function checkGrowth(means: readonly number[], dimensions: readonly number[], tolerance: number): FloorCheck[] {
  return means.slice(1).map((value, index) => {
    const before = means[index] as number // one fewer, shifted by one
    const what = `mean of the sets, ${dimensions[index + 1]} dimensions after ${dimensions[index]}`
    return { what, least: before - tolerance, value, isMet: value >= before - tolerance }
  })
}

import { expect, test } from 'vitest'
import { checkFloors, meanOfHeadlines } from './floors.js'
import type { Measurement } from './measurement.js'

const DIMENSIONS = [64, 128]
const FLOORS = {
  dimension: 128,
  floors: [
    { set: 'a', metric: 'Spearman', use: 'document', least: 0.8, goal: 0.9 },
    { set: 'b', metric: 'nDCG@10', use: 'query→document', least: 0.5, goal: 0.6 },
  ],
  growth: { tolerance: 0.01 },
}

const measured = (set: string, values: number[]): Measurement => ({
  group: 'sts',
  set,
  metric: 'Spearman',
  use: 'document',
  isHeadline: true,
  values,
})

test('a floor holds at its dimension only', () => {
  const [first] = checkFloors([measured('a', [0.7, 0.8])], DIMENSIONS, FLOORS)
  expect(first).toMatchObject({ least: 0.8, goal: 0.9, value: 0.8, isMet: true })
  expect(checkFloors([measured('a', [0.9, 0.79])], DIMENSIONS, FLOORS)[0]?.isMet).toBe(false)
})

test('floors of metrics that were not measured are left out, a missing set is missed', () => {
  const checks = checkFloors([measured('other', [0.7, 0.8])], DIMENSIONS, FLOORS)
  expect(checks.map(({ isMet }) => isMet)).toEqual([false, true])
})

test('quality may not fall as the dimension grows, beyond the tolerance', () => {
  const growth = (values: number[]) => checkFloors([measured('c', values)], DIMENSIONS, { ...FLOORS, floors: [] })[0]
  expect(growth([0.7, 0.695])?.isMet).toBe(true)
  expect(growth([0.7, 0.68])?.isMet).toBe(false)
})

test('the mean counts each set once', () => {
  const other = { ...measured('b', [0, 0]), isHeadline: false }
  expect(meanOfHeadlines([measured('a', [0.25, 0.5]), measured('b', [0.75, 1]), other], DIMENSIONS)).toEqual([
    0.5, 0.75,
  ])
})

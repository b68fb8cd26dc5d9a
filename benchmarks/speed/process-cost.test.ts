import { expect, test } from 'vitest'
import { costOf, parseCpuTicks, parseKilobytes } from './process-cost.js'

test('reads user and system time behind a name with spaces and brackets', () => {
  const stat = '42 (no) de (x) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 7 8 20 0 11 0 1000 1 2'
  expect(parseCpuTicks(stat)).toBe(300)
})

test('reads memory fields', () => {
  expect(parseKilobytes('Name:\tnode\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n', 'VmRSS')).toBe(1024)
})

test('knows what this process costs', () => {
  const { cpuSeconds, rssMb, peakRssMb } = costOf(process.pid)
  expect(cpuSeconds).toBeGreaterThan(0)
  expect(rssMb).toBeGreaterThan(10)
  expect(peakRssMb).toBeGreaterThanOrEqual(rssMb)
})

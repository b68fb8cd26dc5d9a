import { expect, test } from 'vitest'
import { isRetryable, retryAfterMs, retryDelayMs } from './retry.js'

const headers = (values: Record<string, string>) => new Headers(values)

test('what the server advises outranks the status', () => {
  expect(isRetryable(400, headers({ 'x-should-retry': 'true' }))).toBe(true)
  expect(isRetryable(503, headers({ 'x-should-retry': 'false' }))).toBe(false)
})

test.each([
  [400, false],
  [401, false],
  [404, false],
  [408, true],
  [413, false],
  [429, true],
  [500, true],
  [502, true],
  [503, true],
  [504, true],
])('without advice, %i is retried: %s', (status, expected) => {
  expect(isRetryable(status, headers({}))).toBe(expected)
})

test('Retry-After is read as seconds and as a date', () => {
  const now = Date.parse('2026-11-22T10:00:00Z')
  expect(retryAfterMs(headers({ 'retry-after': '3' }), now)).toBe(3000)
  expect(retryAfterMs(headers({ 'retry-after': 'Sun, 22 Nov 2026 10:00:05 GMT' }), now)).toBe(5000)
  expect(retryAfterMs(headers({ 'retry-after': 'Sun, 22 Nov 2026 09:00:00 GMT' }), now)).toBe(0)
  expect(retryAfterMs(headers({ 'retry-after': 'soon' }), now)).toBeUndefined()
  expect(retryAfterMs(headers({}), now)).toBeUndefined()
})

test('the wait doubles up to 8 s, its upper half random, and is never shorter than advised', () => {
  const waits = (random: number) => [0, 1, 2, 3, 4, 9].map((attempt) => retryDelayMs(attempt, undefined, () => random))
  expect(waits(0)).toEqual([250, 500, 1000, 2000, 4000, 4000])
  expect(waits(1)).toEqual([500, 1000, 2000, 4000, 8000, 8000])
  expect(retryDelayMs(0, 3000, () => 0)).toBe(3000)
  expect(retryDelayMs(0, 0, () => 0)).toBe(250)
})

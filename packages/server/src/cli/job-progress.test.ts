import { expect, test } from 'vitest'
import { paceOf } from './job-progress.js'

test('the pace is the server’s, in words', () => {
  expect(paceOf({})).toBe('')
  expect(paceOf({ linesPerSecond: 16.94, secondsLeft: 1655.9 })).toBe(', 17 lines/s, 27m 36s left')
  expect(paceOf({ linesPerSecond: 0.42, secondsLeft: 7321 })).toBe(', 0.42 lines/s, 2h 2m left')
  expect(paceOf({ linesPerSecond: 2412, secondsLeft: 0 })).toBe(', 2400 lines/s, 0s left')
})

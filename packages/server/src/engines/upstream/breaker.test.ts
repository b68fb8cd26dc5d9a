import { beforeEach, expect, test } from 'vitest'
import { Breaker } from './breaker.js'

let breaker: Breaker
const timeout = (nowMs = 0) => breaker.failed({ isAbsent: false, hasAnswered: false, nowMs })

beforeEach(() => {
  breaker = new Breaker()
  breaker.trialSucceeded()
})

test('is not closed before the first trial', () => {
  expect(new Breaker().isClosed).toBe(false)
})

test('three failures in a row open it; a success between them starts the count anew', () => {
  expect([timeout(), timeout()]).toEqual(['noted', 'noted'])
  breaker.succeeded()
  expect([timeout(), timeout(), timeout()]).toEqual(['noted', 'noted', 'opened'])
  expect(breaker.state).toBe('open')
})

test('where nothing listens, one failure is enough', () => {
  expect(breaker.failed({ isAbsent: true, hasAnswered: false, nowMs: 0 })).toBe('opened')
})

test('errors that came as answers make it suspect, and leave it closed until the trial', () => {
  const answered = () => breaker.failed({ isAbsent: false, hasAnswered: true, nowMs: 0 })
  expect([answered(), answered(), answered(), answered()]).toEqual(['noted', 'noted', 'suspect', 'noted'])
  expect(breaker.isClosed).toBe(true)
})

test('the pause doubles with each trial that fails, up to half a minute, and is short again after a success', () => {
  breaker.failed({ isAbsent: true, hasAnswered: false, nowMs: 0 })
  const pauses = Array.from({ length: 7 }, () => {
    const left = breaker.pauseLeftMs(0)
    breaker.halfOpen()
    breaker.trialFailed(0)
    return left
  })
  expect(pauses).toEqual([1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000])
  breaker.trialSucceeded()
  breaker.failed({ isAbsent: true, hasAnswered: false, nowMs: 5_000 })
  expect(breaker.pauseLeftMs(5_400)).toBe(600)
})

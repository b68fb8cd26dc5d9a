import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { isGone, nameHolder } from './holder.js'

const own = nameHolder('own')

test('a process that runs is not gone, one that does not is', () => {
  expect(isGone(own, own)).toBe(false)
  expect(isGone(nameHolder('parent', process.ppid), own)).toBe(false)
  expect(isGone(nameHolder('none', 2 ** 22 + 1), own)).toBe(true)
})

test('an earlier process of the same number is gone', () => {
  expect(isGone(nameHolder('earlier'), own)).toBe(true)
})

test('of another machine nobody knows', () => {
  expect(isGone(`not-${hostname()}/1/x`, own)).toBe(false)
})

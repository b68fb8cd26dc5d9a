import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { mapBounded } from './map-bounded.js'

const { signal } = new AbortController()

test('values come in the order of the items, and no more than the limit run at a time', async () => {
  let running = 0
  let most = 0
  const work = async (item: number) => {
    most = Math.max(most, ++running)
    for (let turns = 0; turns < 5 - item; turns++) await turn()
    running--
    return item * 2
  }
  expect(await mapBounded([0, 1, 2, 3, 4], work, { limit: 2, signal })).toEqual([0, 2, 4, 6, 8])
  expect(most).toBe(2)
})

test('the first failure is thrown, and what has not begun never begins', async () => {
  const begun: number[] = []
  const work = async (item: number) => {
    begun.push(item)
    await turn()
    if (item === 1) throw new Error('broken')
    return item
  }
  await expect(mapBounded([0, 1, 2, 3, 4, 5], work, { limit: 2, signal })).rejects.toThrow('broken')
  await turn()
  expect(begun.length).toBeLessThan(5)
})

test('an aborted signal ends the work with its reason', async () => {
  const controller = new AbortController()
  const work = async (item: number) => {
    if (item === 1) controller.abort(new Error('gone'))
    await turn()
    return item
  }
  await expect(mapBounded([0, 1, 2, 3], work, { limit: 1, signal: controller.signal })).rejects.toThrow('gone')
})

test('nothing to do is an empty list', async () => {
  expect(await mapBounded([], async () => 1, { limit: 4, signal })).toEqual([])
})

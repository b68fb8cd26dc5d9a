import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { mapAhead } from './map-ahead.js'

async function* upTo(count: number) {
  for (let i = 0; i < count; i++) yield i
}

async function collect<Value>(values: AsyncIterable<Value>) {
  const all: Value[] = []
  for await (const value of values) all.push(value)
  return all
}

test('results come in order, and no more than so many are worked on', async () => {
  let running = 0
  let most = 0
  const work = async (i: number) => {
    most = Math.max(most, ++running)
    await sleep((5 - i) * 3)
    running--
    return i * 10
  }
  expect(await collect(mapAhead(upTo(5), work, { ahead: 3 }))).toEqual([0, 10, 20, 30, 40])
  expect(most).toBe(3)
})

test('the first failure ends it once all that was begun has ended', async () => {
  const ended: number[] = []
  const work = async (i: number) => {
    await sleep(i === 0 ? 1 : 20)
    ended.push(i)
    if (i === 0) throw new Error('first')
    return i
  }
  await expect(collect(mapAhead(upTo(9), work, { ahead: 3 }))).rejects.toThrow('first')
  expect(ended).toEqual([0, 1, 2])
})

import { expect, test } from 'vitest'
import { FairQueue } from './fair-queue.js'

const [long, short, third] = [{}, {}, {}].map((request) => ({ caller: 'one', request })) as [Place, Place, Place]
type Place = { caller: string; request: object }

test('requests take turns, and keep their own order', () => {
  const queue = new FairQueue<string>()
  for (const item of ['a1', 'a2', 'a3']) queue.push(long, item)
  queue.push(short, 'b1')
  for (const item of ['c1', 'c2']) queue.push(third, item)
  expect(queue.size).toBe(6)
  expect(Array.from(queue.ahead(9), ([, item]) => item)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
  expect(Array.from(queue.ahead(4), ([, item]) => item)).toEqual(['a1', 'b1', 'c1', 'a2'])
  expect(queue.drain()).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
  expect(queue.size).toBe(0)
  expect(queue.shift()).toBeUndefined()
})

test('a request that comes late waits for one item of the others, not for all', () => {
  const queue = new FairQueue<string>()
  for (let i = 0; i < 100; i++) queue.push(long, `a${i}`)
  expect(queue.shift()).toBe('a0')
  queue.push(short, 'b0')
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(['a1', 'b0', 'a2'])
})

test('a caller with many requests takes no more turns than one with a single request', () => {
  const queue = new FairQueue<string>()
  for (let i = 0; i < 50; i++) queue.push({ caller: 'busy', request: {} }, `busy${i}`)
  const modest = { caller: 'modest', request: {} }
  for (let i = 0; i < 3; i++) queue.push(modest, `modest${i}`)
  expect(Array.from({ length: 6 }, () => queue.shift())).toEqual([
    'busy0',
    'modest0',
    'busy1',
    'modest1',
    'busy2',
    'modest2',
  ])
})

test('an item can be taken out once, and its neighbours stay', () => {
  const queue = new FairQueue<string>()
  queue.push(long, 'a1')
  queue.push(long, 'a2')
  queue.push(short, 'b1')
  expect([
    queue.remove(long, 'a1'),
    queue.remove(long, 'a1'),
    queue.remove(short, 'b1'),
    queue.remove(third, 'x'),
    queue.remove({ ...long, caller: 'nobody' }, 'a2'),
  ]).toEqual([true, false, true, false, false])
  expect(queue.drain()).toEqual(['a2'])
})

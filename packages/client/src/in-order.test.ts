import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inOrder } from './in-order.js'

const signal = new AbortController().signal

async function* count(to: number, onRead = (_: number) => {}) {
  for (let item = 0; item < to; item++) {
    onRead(item)
    yield item
  }
}

async function collect<Value>(source: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = []
  for await (const value of source) values.push(value)
  return values
}

test('results come in the order of the items, whichever is ready first', async () => {
  const backwards = inOrder(count(6), async (item) => wait(30 - item * 5, item), { concurrency: 6, signal })
  expect(await collect(backwards)).toEqual([0, 1, 2, 3, 4, 5])
})

test('no more than `concurrency` items are worked on at once, and no fewer while there are some', async () => {
  let running = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++running)
    await wait(5)
    running--
  }
  await collect(inOrder(count(12), work, { concurrency: 3, signal }))
  expect(most).toBe(3)
})

test('a reader that does not read stops the source', async () => {
  let read = 0
  const results = inOrder(
    count(1000, () => void read++),
    async (item) => item,
    { concurrency: 4, signal },
  )
  await results.next()
  await wait(20)
  expect(read).toBeLessThanOrEqual(6)
  await results.return(undefined)
})

test('a result does not wait for a slow source', async () => {
  async function* slow() {
    yield 'first'
    await wait(5_000)
    yield 'never read'
  }
  const results = inOrder(slow(), async (item) => item, { concurrency: 4, signal })
  expect(await results.next()).toEqual({ done: false, value: 'first' })
  void results.return(undefined)
})

test('the first failure in order ends it and aborts what still runs', async () => {
  const aborted: number[] = []
  const work = (item: number, signal: AbortSignal) =>
    item === 1
      ? Promise.reject(new Error('item 1'))
      : wait(item === 0 ? 5 : 5_000, item, { signal }).catch((error) => {
          aborted.push(item)
          throw error
        })
  const results = inOrder(count(4), work, { concurrency: 4, signal })
  expect(await results.next()).toEqual({ done: false, value: 0 })
  await expect(results.next()).rejects.toThrow('item 1')
  await wait(5)
  expect(aborted).toEqual([2, 3])
})

test('a source that fails is heard after the results before it', async () => {
  async function* broken() {
    yield 1
    throw new Error('disk is gone')
  }
  const results = inOrder(broken(), async (item) => item, { concurrency: 4, signal })
  expect(await results.next()).toEqual({ done: false, value: 1 })
  await expect(results.next()).rejects.toThrow('disk is gone')
})

test('leaving early closes the source', async () => {
  let isClosed = false
  async function* source() {
    try {
      yield* count(100)
    } finally {
      isClosed = true
    }
  }
  for await (const item of inOrder(source(), async (item) => item, { concurrency: 1, signal })) if (item === 2) break
  await wait(5)
  expect(isClosed).toBe(true)
})

test('the signal ends it even when the source never answers', async () => {
  const controller = new AbortController()
  // A source that hangs before its first item.
  async function* stuck(): AsyncGenerator<number> {
    await new Promise(() => {})
  }
  const results = inOrder(stuck(), async (item) => item, { concurrency: 2, signal: controller.signal })
  setTimeout(() => controller.abort(new Error('enough')), 5)
  await expect(results.next()).rejects.toThrow('enough')
})

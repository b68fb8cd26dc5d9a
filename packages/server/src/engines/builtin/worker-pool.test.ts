import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUILTIN_WEIGHTS } from './weights.js'
import { WorkerPool } from './worker-pool.js'

const setup = { modelPath: join(BUILTIN_WEIGHTS, 'model.onnx') }
const { signal } = new AbortController()
const IDS = Int32Array.of(0, 31273, 12, 100, 2)

let pool: WorkerPool
beforeAll(async () => {
  pool = await WorkerPool.start({ threads: 1, maxQueued: 3, setup })
})
afterAll(() => pool.close())

test('a full queue refuses, saying when to come back', async () => {
  const accepted = Array.from({ length: 4 }, () => pool.run(IDS, signal)) // one runs, three wait
  await expect(pool.run(IDS, signal)).rejects.toMatchObject({ row: 'overloaded', retryAfterSeconds: 1 })
  await expect(Promise.all(accepted)).resolves.toHaveLength(4)
})

test('a short request is not kept waiting by a long one that came first', async () => {
  const order: string[] = []
  const [long, short] = [new AbortController().signal, new AbortController().signal]
  const run = (name: string, owner: AbortSignal) => pool.run(IDS, owner).then(() => order.push(name))
  await Promise.all([run('a1', long), run('a2', long), run('a3', long), run('b1', short)])
  expect(order).toEqual(['a1', 'a2', 'b1', 'a3'])
})

test('an input that the network cannot take fails alone', async () => {
  const tooLong = new Int32Array(600).fill(5)
  const results = await Promise.allSettled([pool.run(tooLong, signal), pool.run(IDS, signal)])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  expect(results[0]).toMatchObject({ reason: { row: 'engine_failed' } })
})

test('a signal that is already aborted starts nothing', async () => {
  await expect(pool.run(IDS, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
})

test('closing rejects what waits, and later calls', async () => {
  const closing = await WorkerPool.start({ threads: 1, maxQueued: 10, setup })
  const pending = Array.from({ length: 5 }, () => closing.run(IDS, signal))
  const settled = Promise.allSettled(pending)
  await closing.close()
  expect((await settled).some(({ status }) => status === 'rejected')).toBe(true)
  expect(closing.isUp).toBe(false)
  await expect(closing.run(IDS, signal)).rejects.toMatchObject({ row: 'engine_failed' })
})

test('threads that cannot load the model fail the start', async () => {
  const missing = { modelPath: '/nowhere/model.onnx' }
  await expect(WorkerPool.start({ threads: 2, maxQueued: 10, setup: missing })).rejects.toThrow()
})

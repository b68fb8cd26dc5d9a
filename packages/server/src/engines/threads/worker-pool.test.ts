import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUILTIN_WEIGHTS } from '../builtin/weights.js'
import { WorkerPool } from './worker-pool.js'

const options = {
  file: new URL('../../../dist/engines/builtin/worker.js', import.meta.url),
  setup: { modelPath: join(BUILTIN_WEIGHTS, 'model.onnx') },
  name: 'builtin-text',
  model: 'The built-in model',
}
const { signal } = new AbortController()
const IDS = Int32Array.of(0, 31273, 12, 100, 2)

let pool: WorkerPool<Int32Array>
beforeAll(async () => {
  pool = await WorkerPool.start<Int32Array>({ ...options, threads: 1 })
})
afterAll(() => pool.close())

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
  const closing = await WorkerPool.start<Int32Array>({ ...options, threads: 1 })
  const pending = Array.from({ length: 5 }, () => closing.run(IDS, signal))
  const settled = Promise.allSettled(pending)
  await closing.close()
  expect((await settled).some(({ status }) => status === 'rejected')).toBe(true)
  expect(closing.isUp).toBe(false)
  await expect(closing.run(IDS, signal)).rejects.toMatchObject({ row: 'engine_failed' })
})

test('threads that cannot load the model fail the start', async () => {
  const missing = { ...options, setup: { modelPath: '/nowhere/model.onnx' } }
  await expect(WorkerPool.start({ ...missing, threads: 2 })).rejects.toThrow()
})

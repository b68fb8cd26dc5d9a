import { expect, test } from 'vitest'
import { createBufferPool } from './buffer-pool.js'

test('a buffer that was given back is the next one of its size', () => {
  const pool = createBufferPool()
  const first = pool.take(100_000)
  expect(first.length).toBe(131_072)
  pool.giveBack(first)
  expect(pool.take(70_000)).toBe(first)
  expect(pool.take(70_000)).not.toBe(first)
})

test('a buffer in use is nobody else’s', () => {
  const pool = createBufferPool()
  const inUse = [pool.take(20_000), pool.take(20_000), pool.take(20_000)]
  expect(new Set(inUse.map(({ buffer }) => buffer)).size).toBe(3)
})

test('no more is kept than was allowed, and nothing small or large', () => {
  const pool = createBufferPool(65_536)
  const buffers = [pool.take(65_536), pool.take(65_536), pool.take(2_000_000), pool.take(100)]
  for (const buffer of buffers) pool.giveBack(buffer)
  expect(pool.take(65_536)).toBe(buffers[0])
  expect(buffers.includes(pool.take(65_536))).toBe(false)
  expect(buffers.includes(pool.take(2_000_000))).toBe(false)
  expect(pool.take(100).buffer).not.toBe(pool.take(65_536).buffer)
})

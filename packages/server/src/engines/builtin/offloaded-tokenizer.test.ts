import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OffloadedTokenizer } from './offloaded-tokenizer.js'
import type { Tokenizer } from './tokenizer.js'
import { BUILTIN_WEIGHTS, loadTokenizer } from './weights.js'

let tokenizer: Tokenizer
let offloaded: OffloadedTokenizer
beforeAll(async () => {
  tokenizer = await loadTokenizer(BUILTIN_WEIGHTS)
  offloaded = new OffloadedTokenizer(tokenizer, BUILTIN_WEIGHTS)
})
afterAll(() => offloaded.close())

const LONG = '风急天高猿啸哀，渚清沙白鸟飞回。'.repeat(4_000)

test('a long text has the tokens that a short way would have found, and their places', async () => {
  expect(await offloaded.tokenize(LONG, 131_072)).toEqual(tokenizer.tokenize(LONG, 131_072))
  expect(await offloaded.tokenize(LONG, 10)).toEqual(tokenizer.tokenize(LONG, 10))
  expect(await offloaded.locate(LONG, 131_072)).toEqual(tokenizer.locate(LONG, 131_072))
})

test('the event loop stays free meanwhile', async () => {
  await offloaded.locate(LONG, 10) // the thread is up
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const startedAt = performance.now()
  await offloaded.locate(LONG.repeat(4), 131_072)
  const tookMs = performance.now() - startedAt
  delay.disable()
  expect(delay.max / 1e6).toBeLessThan(tookMs / 2)
})

test('a text that is no longer wanted is not tokenised, and the next one is', async () => {
  const gone = new AbortController()
  const first = offloaded.tokenize(LONG, 100)
  const unwanted = offloaded.tokenize(LONG, 100, gone.signal)
  const last = offloaded.tokenize(LONG, 100)
  gone.abort(new Error('gone'))
  await expect(unwanted).rejects.toThrow('gone')
  expect(await last).toEqual(await first)
})

test('more than 64 Mi characters do not wait', async () => {
  const huge = 'x'.repeat(30 * 1024 * 1024)
  const all = await Promise.allSettled([1, 2, 3, 4].map(() => offloaded.tokenize(huge, 1)))
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  expect(all[3]).toMatchObject({ reason: { row: 'overloaded' } })
})

test('closing ends the thread and rejects what it was busy with', async () => {
  const closing = new OffloadedTokenizer(tokenizer, BUILTIN_WEIGHTS)
  const pending = Promise.allSettled([closing.tokenize(LONG, 100), closing.tokenize(LONG, 100)])
  await closing.close()
  expect((await pending).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})

import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUILTIN_WEIGHTS } from '../builtin/weights.js'
import { loadTokenizer, readTokenizer } from './load-tokenizer.js'
import type { OffloadedTokenizer } from './offloaded-tokenizer.js'
import { type Tokenizer, TokenizerError } from './tokenizer.js'

const PATH = join(BUILTIN_WEIGHTS, 'tokenizer.json')
let tokenizer: Tokenizer
let offloaded: OffloadedTokenizer
beforeAll(async () => {
  ;({ tokenizer, offloaded } = await readTokenizer(PATH))
})
afterAll(() => offloaded.close())

const LONG = '风急天高猿啸哀，渚清沙白鸟飞回。'.repeat(4_000)

test('a long text has the tokens that a short way would have found, and their places', async () => {
  expect(await offloaded.tokenize(LONG, { maxTokens: 131_072 })).toEqual(tokenizer.tokenize(LONG, 131_072))
  expect(await offloaded.tokenize(LONG, { maxTokens: 10 })).toEqual(tokenizer.tokenize(LONG, 10))
  expect(await offloaded.locate(LONG, 131_072)).toEqual(tokenizer.locate(LONG, 131_072))
})

test('the end of a text is what is kept of it where that is asked for, of a short one too', async () => {
  for (const text of [LONG, LONG.slice(0, 1_000)]) {
    const { ids } = tokenizer.tokenize(text, Number.MAX_SAFE_INTEGER)
    expect(await offloaded.tokenize(text, { maxTokens: 10, keep: 'end' })).toEqual({
      ids: ids.slice(-10),
      isOverLimit: true,
    })
    const whole = await offloaded.tokenize(text, { maxTokens: ids.length, keep: 'end' })
    expect(whole).toEqual({ ids, isOverLimit: false })
  }
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

test('the event loop stays free while a tokenizer is read, and its tables are shared with the thread', async () => {
  const before = performance.eventLoopUtilization()
  const loaded = await readTokenizer(PATH)
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5)
  expect(await loaded.offloaded.tokenize(LONG, { maxTokens: 10 })).toEqual(loaded.tokenizer.tokenize(LONG, 10))
  await loaded.offloaded.close()
})

test('a file that is no tokenizer is told as such by the thread that reads it', async () => {
  await expect(loadTokenizer(Buffer.from('{'))).rejects.toThrow(/the file cannot be read/)
  await expect(loadTokenizer(Buffer.from('{"added_tokens":1}'))).rejects.toThrow(TokenizerError)
  await expect(readTokenizer('/nowhere')).rejects.toThrow(/the file cannot be read \(ENOENT/)
})

test('a text that is no longer wanted is not tokenised, and the next one is', async () => {
  const gone = new AbortController()
  const first = offloaded.tokenize(LONG, { maxTokens: 100 })
  const unwanted = offloaded.tokenize(LONG, { maxTokens: 100, signal: gone.signal })
  const last = offloaded.tokenize(LONG, { maxTokens: 100 })
  gone.abort(new Error('gone'))
  await expect(unwanted).rejects.toThrow('gone')
  expect(await last).toEqual(await first)
})

test('more than 64 Mi characters do not wait', async () => {
  const huge = 'x'.repeat(30 * 1024 * 1024)
  const all = await Promise.allSettled([1, 2, 3, 4].map(() => offloaded.tokenize(huge, { maxTokens: 1 })))
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  expect(all[3]).toMatchObject({ reason: { row: 'overloaded' } })
})

test('closing ends the thread and rejects what it was busy with', async () => {
  const { offloaded: closing } = await readTokenizer(PATH)
  const pending = Promise.allSettled([
    closing.tokenize(LONG, { maxTokens: 100 }),
    closing.tokenize(LONG, { maxTokens: 100 }),
  ])
  await closing.close()
  expect((await pending).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})

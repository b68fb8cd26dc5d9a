import { setMaxListeners } from 'node:events'
import { ApiError } from '@quiver/protocol'
import { expect, test } from 'vitest'
import type { Engine, RawEmbedding } from '../engines/engine.js'
import { asFake, type FakePass, fakeEngine, fakeVector } from '../engines/fake-engine.test.support.js'
import { Batcher, type Claim } from './batcher.js'

const { signal } = new AbortController()
setMaxListeners(0, signal)
const claim = (changes: Partial<Claim> = {}): Claim => ({
  caller: 'one',
  request: {},
  priority: 'interactive',
  signal,
  ...changes,
})
const pass = (text: string, tokens = text.length): FakePass => ({ text, tokens, textTokens: tokens })
const batching = { maxPasses: 8, maxPaddedTokens: 32, concurrency: 1 }

/** An engine that answers when it is told to, and the texts of each of its calls. */
function gatedEngine(changes: Partial<Engine> = {}) {
  const gates: (() => void)[] = []
  const engine = fakeEngine({
    batching,
    async embed(passes, options): Promise<RawEmbedding[]> {
      engine.calls.push(asFake(passes).map(({ text }) => text))
      await new Promise<void>((resolve, reject) => {
        gates.push(resolve)
        options.signal.addEventListener('abort', () => reject(options.signal.reason))
      })
      return asFake(passes).map((one) => ({ dense: fakeVector(one) }))
    },
    ...changes,
  })
  const openAll = async () => {
    for (let quiet = 0; quiet < 3; quiet++) {
      while (gates.length > 0) {
        gates.shift()?.()
        quiet = 0
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { engine, openAll }
}

test('a lone pass goes at once; what comes meanwhile goes together, each with its own vector', async () => {
  const { engine, openAll } = gatedEngine()
  const batcher = new Batcher(engine, { maxQueued: 100 })
  const passes = ['aaaa', 'bbbb', 'cccc', 'dddd'].map((text) => pass(text))
  const all = Promise.all(passes.map((one) => batcher.run(one, claim())))
  expect(engine.calls).toEqual([['aaaa']])
  expect(batcher.waiting).toEqual({ interactive: 3, bulk: 0 })
  await openAll()
  expect((await all).map(({ dense }) => dense)).toEqual(passes.map((one) => fakeVector(one)))
  expect(engine.calls).toEqual([['aaaa'], ['bbbb', 'cccc', 'dddd']])
})

test('a call stays within the token budget, padding included, and holds like lengths only', async () => {
  const { engine, openAll } = gatedEngine()
  const batcher = new Batcher(engine, { maxQueued: 100 })
  const lengths = [1, 10, 2, 9, 10, 10, 2, 40, 8]
  const all = Promise.all(lengths.map((tokens, i) => batcher.run(pass(String.fromCharCode(97 + i), tokens), claim())))
  await openAll()
  await all
  // First a alone. Then b (10) with d (9) and e (10): three times 10 is within 32, four times is not. And so on.
  expect(engine.calls).toEqual([['a'], ['b', 'd', 'e'], ['c', 'g'], ['f', 'i'], ['h']])
})

test('the pass that waited longest is never passed over, whatever would fit better', async () => {
  const { engine, openAll } = gatedEngine()
  const batcher = new Batcher(engine, { maxQueued: 1000 })
  const order: string[] = []
  const run = (text: string, tokens: number) => batcher.run(pass(text, tokens), claim()).then(() => order.push(text))
  const all = [run('first', 1), run('long', 32), ...Array.from({ length: 60 }, (_, i) => run(`short${i}`, 4))]
  await openAll()
  await Promise.all(all)
  expect(order.slice(0, 2)).toEqual(['first', 'long'])
})

test('who asks for much does not keep waiting who asks for little', async () => {
  const { engine, openAll } = gatedEngine({ batching: { ...batching, maxPasses: 1 } })
  const batcher = new Batcher(engine, { maxQueued: 1000 })
  const order: string[] = []
  const run = (text: string, changes: Partial<Claim>) =>
    batcher.run(pass(text), claim(changes)).then(() => order.push(text))
  const [big, other] = [{}, {}]
  const all = [
    ...['a1', 'a2', 'a3', 'a4'].map((text) => run(text, { caller: 'a', request: big })),
    run('b1', { caller: 'a', request: other }),
    run('c1', { caller: 'c' }),
  ]
  await openAll()
  await Promise.all(all)
  expect(order).toEqual(['a1', 'a2', 'c1', 'b1', 'a3', 'a4'])
})

test('bulk work waits for interactive work, and still goes on', async () => {
  const { engine, openAll } = gatedEngine({ batching: { ...batching, maxPasses: 1 } })
  const batcher = new Batcher(engine, { maxQueued: 1000 })
  const order: string[] = []
  const run = (text: string, priority: Claim['priority']) =>
    batcher.run(pass(text), claim({ priority })).then(() => order.push(text))
  const all = [run('first', 'bulk'), run('bulk1', 'bulk'), run('bulk2', 'bulk')]
  for (let i = 0; i < 20; i++) all.push(run(`i${i}`, 'interactive'))
  await openAll()
  await Promise.all(all)
  expect(order.indexOf('bulk1')).toBe(16)
  expect(order.at(-1)).toBe('bulk2')
})

test('a full queue refuses, saying when to come back; each priority has its own', async () => {
  const { engine, openAll } = gatedEngine()
  const batcher = new Batcher(engine, { maxQueued: 2 })
  const accepted = ['a', 'b', 'c'].map((text) => batcher.run(pass(text), claim())) // one runs, two wait
  await expect(batcher.run(pass('d'), claim())).rejects.toMatchObject({ row: 'overloaded', retryAfterSeconds: 1 })
  accepted.push(batcher.run(pass('e'), claim({ priority: 'bulk' })))
  await openAll()
  expect(await Promise.all(accepted)).toHaveLength(4)
})

test('a pass that is no longer wanted is dropped; its neighbours are unharmed', async () => {
  const { engine, openAll } = gatedEngine()
  const batcher = new Batcher(engine, { maxQueued: 100 })
  const gone = new AbortController()
  const first = batcher.run(pass('aa'), claim())
  const unwanted = [batcher.run(pass('bb'), claim({ signal: gone.signal })), batcher.run(pass('cc'), claim())]
  gone.abort(new Error('gone'))
  await expect(unwanted[0]).rejects.toThrow('gone')
  await openAll()
  await Promise.all([first, unwanted[1]])
  expect(engine.calls).toEqual([['aa'], ['cc']])
  await expect(batcher.run(pass('dd'), claim({ signal: gone.signal }))).rejects.toThrow('gone')
})

test('a call goes on while one of its requests wants it, and is aborted with the last', async () => {
  const { engine, openAll } = gatedEngine()
  const batcher = new Batcher(engine, { maxQueued: 100 })
  const [one, two] = [new AbortController(), new AbortController()]
  const busy = batcher.run(pass('aa'), claim())
  const both = [one, two].map((owner, i) => batcher.run(pass(`b${i}`), claim({ signal: owner.signal })))
  const settled = Promise.allSettled(both)
  await new Promise((resolve) => setImmediate(resolve))
  one.abort(new Error('one is gone'))
  await openAll()
  await busy
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])

  let seen: AbortSignal | undefined
  const endless = fakeEngine({
    embed: (_passes, options) =>
      new Promise((_, reject) => {
        seen = options.signal
        options.signal.addEventListener('abort', () => reject(options.signal.reason))
      }),
  })
  const lost = new Batcher(endless, { maxQueued: 1 }).run(pass('x'), claim({ signal: two.signal }))
  two.abort(new Error('two is gone'))
  await expect(lost).rejects.toThrow('two is gone')
  expect(seen?.aborted).toBe(true)
})

const broken = () => new ApiError('engine_failed', 'The engine broke.')

test.each([
  ['breaks its call', (texts: string[]) => texts.includes('poison')],
  ['breaks whatever call it is in, by a vector that is not finite', () => false],
])('an input that %s fails alone', async (_name, isFatal) => {
  const engine = fakeEngine({
    batching,
    async embed(passes): Promise<RawEmbedding[]> {
      const texts = asFake(passes).map(({ text }) => text)
      engine.calls.push(texts)
      await new Promise((resolve) => setImmediate(resolve))
      if (isFatal(texts)) throw broken()
      return asFake(passes).map((one) => ({
        dense: one.text === 'poison' ? new Float32Array(2048).fill(Number.NaN) : fakeVector(one),
      }))
    },
  })
  const batcher = new Batcher(engine, { maxQueued: 100 })
  const texts = ['starts', 'before', 'poison', 'behind']
  const settled = await Promise.allSettled(texts.map((text) => batcher.run(pass(text), claim())))
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect(settled[2]).toMatchObject({ reason: { row: 'engine_failed' } })
  expect(engine.calls[1]).toEqual(['before', 'poison', 'behind'])
})

test('what is not the fault of an input is not tried again', async () => {
  let calls = 0
  const engine = fakeEngine({
    batching,
    embed: async () => {
      calls++
      await new Promise((resolve) => setImmediate(resolve))
      throw new ApiError('overloaded', 'Come back later.')
    },
  })
  const batcher = new Batcher(engine, { maxQueued: 100 })
  const settled = await Promise.allSettled(['a', 'b', 'c'].map((text) => batcher.run(pass(text), claim())))
  expect(settled.every(({ status }) => status === 'rejected')).toBe(true)
  expect(calls).toBe(2)
})

test('closing rejects what waits, and later passes', async () => {
  const { engine, openAll } = gatedEngine()
  const batcher = new Batcher(engine, { maxQueued: 100 })
  const running = batcher.run(pass('a'), claim())
  const waiting = batcher.run(pass('b'), claim())
  batcher.close()
  await expect(waiting).rejects.toMatchObject({ row: 'overloaded' })
  await expect(batcher.run(pass('c'), claim())).rejects.toMatchObject({ row: 'overloaded' })
  await openAll()
  await expect(running).resolves.toBeDefined()
})

test('where nothing is padded, what comes in one turn is one call, of whatever lengths, within the sum of tokens', async () => {
  const { engine, openAll } = gatedEngine({ batching: { ...batching, concurrency: 4, isPadded: false } })
  const batcher = new Batcher(engine, { maxQueued: 100 })
  const lengths = [1, 20, 3, 8, 2]
  const all = Promise.all(lengths.map((tokens, i) => batcher.run(pass(String.fromCharCode(97 + i), tokens), claim())))
  expect(engine.calls).toEqual([])
  await openAll()
  await all
  // 1 + 20 + 3 + 8 = 32 are within the budget; the last one is another call at the same time.
  expect(engine.calls).toEqual([['a', 'b', 'c', 'd'], ['e']])
})

test('what waited, what was computed together, and what of it was padding, is told', async () => {
  const { engine, openAll } = gatedEngine()
  const told: unknown[] = []
  const metricsOf = () => ({
    waited: (priority: string) => void told.push(priority),
    computed: ({ seconds, ...call }: { seconds: number }) => void told.push(call),
  })
  const batcher = new Batcher(engine, { maxQueued: 100, metricsOf })
  const all = Promise.all(['aaaaa', 'bbbbb', 'cccc'].map((text) => batcher.run(pass(text), claim())))
  await openAll()
  await all
  const [alone, together] = [
    { passes: 1, tokens: 5, padding: 0 },
    { passes: 2, tokens: 9, padding: 1 },
  ]
  expect(told).toEqual(['interactive', alone, 'interactive', 'interactive', together])
})

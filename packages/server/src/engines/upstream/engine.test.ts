import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { createLog } from '../../telemetry/log.js'
import { BUILTIN_WEIGHTS } from '../builtin/weights.js'
import type { Engine } from '../engine.js'
import { UpstreamEntry } from '../engine-entry.js'
import { startUpstreamEngine } from './engine.js'
import {
  type Behaviour,
  DIMENSION,
  type FakeServer,
  fakeVector,
  sound,
  startFakeServer,
} from './fake-server.test.support.js'
import { fieldOf } from './protocol.js'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function fakes(...behaviours: Behaviour[]): Promise<[FakeServer, FakeServer]> {
  const servers = await Promise.all([behaviours[0], behaviours[1]].map((behave) => startFakeServer(behave)))
  closing.push(...servers.map((server) => () => server.close()))
  return servers as [FakeServer, FakeServer] // two behaviours
}

async function start(
  servers: readonly { url: string }[],
  more: Record<string, unknown> = {},
  log: string[] = [],
): Promise<Engine> {
  const entry = UpstreamEntry.parse({
    kind: 'upstream',
    protocol: 'openai',
    urls: servers.map(({ url }) => url),
    model: 'fake',
    dimension: DIMENSION,
    window: 100,
    ...more,
  })
  const engine = await startUpstreamEngine({
    id: 'up',
    entry,
    log: createLog('debug', { write: (line) => log.push(line) }),
  })
  closing.push(() => engine.close())
  return engine
}

async function embed(engine: Engine, texts: string | string[], signal = new AbortController().signal) {
  const options = { textType: 'document', maxTokens: 100, keep: 'start', signal } as const
  const prepared = await Promise.all([texts].flat().map((text) => engine.prepare(text, options)))
  return engine.embed(
    prepared.flatMap(({ passes }) => passes),
    { signal },
  )
}

/** Sound at start and for the trials; then as given. */
const after = (server: FakeServer, behave: Behaviour) => {
  server.behave = (exchange) =>
    exchange.texts[0]?.startsWith('Quiver 检验') ? exchange.answer.soundly() : behave(exchange)
}

const failing =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  ({ answer }) =>
    answer.json({ error: { message: 'secret words of the upstream' } }, { status, headers })

test('vectors come back in order, each with the tokens that the upstream counted for it', async () => {
  const [one, two] = await fakes()
  const engine = await start([one, two])
  const texts = ['a b c', 'd', 'e f']
  const raw = await embed(engine, texts)
  expect(raw.map(({ dense }) => dense)).toEqual(texts.map((text) => Float32Array.from(fakeVector(text))))
  expect(raw.map(({ tokens }) => tokens)).toEqual([3, 1, 2])
})

test('several texts of one request share its tokens, so that the sum is what the upstream counted', async () => {
  const [one] = await fakes()
  const engine = await start([one], { maxTexts: 10 })
  const seen = one.seen
  const raw = await embed(engine, ['a b c d e f g', 'h', 'i j'])
  expect(one.seen - seen).toBe(1)
  expect(raw.reduce((sum, { tokens = 0 }) => sum + tokens, 0)).toBe(10)
})

test('a server that ranks easy cases wrong does not serve, unless the operator vouches for it', async () => {
  const [one] = await fakes()
  // Sound vectors of another text: as where the pooling is wrong.
  one.behave = ({ texts, answer }) => {
    const data = texts.map((text, index) => ({
      index,
      embedding: fakeVector(text.startsWith('Click') ? 'museum' : 'How'),
    }))
    answer.json({ data, usage: { prompt_tokens: 1 } })
  }
  const engine = await start([one])
  expect(engine.isUp).toBe(false)
  const [check] = (await engine.verify?.({ signal: new AbortController().signal })) ?? []
  expect(check).toMatchObject({ isGood: false, detail: expect.stringContaining('How do I reset my password?') })
  expect((await start([one], { isRankingChecked: false })).isUp).toBe(true)
})

test.each([
  ['by its words', 'batch size is invalid, it should not be larger than 10.: input.contents', 10],
  ['by halves', 'no', 8],
])('a server that takes fewer texts a request is found out %s, once', async (_how, words, learned) => {
  const [one] = await fakes()
  const sizes: number[] = []
  after(one, ({ texts, answer }) => {
    sizes.push(texts.length)
    return texts.length > 10 ? answer.json({ error: { message: words } }, { status: 400 }) : answer.soundly()
  })
  const warnings: string[] = []
  const engine = await start([one], { maxTexts: 32 }, warnings)
  const texts = Array.from({ length: 32 }, (_, i) => `word${i} `.repeat(i + 1))
  const raw = await embed(engine, texts)
  expect(raw.map(({ dense }) => dense)).toEqual(texts.map((text) => Float32Array.from(fakeVector(text))))
  expect(raw.reduce((sum, { tokens = 0 }) => sum + tokens, 0)).toBeGreaterThanOrEqual((32 * 33) / 2)
  expect(engine.batching.maxPasses).toBe(learned)
  sizes.length = 0
  await embed(engine, texts)
  expect(Math.max(...sizes)).toBe(learned)
  expect(warnings.filter((line) => line.includes('fewer texts'))).toHaveLength(1)
  const [check] = (await engine.verify?.({ signal: new AbortController().signal })) ?? []
  expect(check?.detail).toContain(`${learned} texts a request`)
})

test('a text that is refused in company says nothing of how many texts a server takes', async () => {
  const [one] = await fakes()
  const engine = await start([one], { maxTexts: 8 })
  after(one, ({ texts, answer }) =>
    texts.includes('poison') ? answer.json({ error: 'no' }, { status: 400 }) : answer.soundly(),
  )
  await expect(embed(engine, ['a', 'b', 'poison', 'c'])).rejects.toMatchObject({ row: 'engine_failed' })
  expect(engine.batching.maxPasses).toBe(8)
  expect(await embed(engine, ['a', 'b', 'c', 'd'])).toHaveLength(4)
  const { seen } = one
  await expect(embed(engine, ['a', 'b', 'poison', 'c'])).rejects.toMatchObject({ row: 'engine_failed' })
  expect(one.seen - seen).toBe(1) // as many as were answered before: so no halves are tried
})

test('with a tokenizer here, tokens are counted before a request leaves, and texts travel together', async () => {
  const [one] = await fakes()
  const engine = await start([one], { tokenizer: BUILTIN_WEIGHTS })
  const options = { textType: 'document', maxTokens: 3, keep: 'start', signal: new AbortController().signal } as const
  const [short, long, none] = await Promise.all(
    ['hello world', 'hello world '.repeat(4), '\u200b'].map((text) => engine.prepare(text, options)),
  )
  expect(short).toMatchObject({ tokens: 3, isOverLimit: false })
  expect(short?.isEstimate).toBeUndefined()
  expect(long).toMatchObject({ tokens: 3, isOverLimit: true })
  expect(none?.tokens).toBe(0)
  const seen = one.seen
  const raw = await embed(engine, ['hello world', 'a', 'b'])
  expect(one.seen - seen).toBe(1)
  expect(raw.map(({ tokens }) => tokens)).toEqual([undefined, undefined, undefined])
})

test('a tokenizer that cannot be read is a mistake of the configuration, told with its path', async () => {
  const [one] = await fakes()
  await expect(start([one], { tokenizer: '/nowhere' })).rejects.toThrow(/\/nowhere\/tokenizer\.json: .*ENOENT/)
})

test('prompts are put into the text, with the task of the request', async () => {
  const [one] = await fakes()
  const prompts = { query: 'Instruct: {instruct}\nQuery: ', document: 'passage: ', instruct: 'find' }
  const engine = await start([one], { prompts })
  const seen: string[] = []
  one.behave = ({ texts, answer }) => {
    seen.push(...texts)
    answer.soundly()
  }
  const { signal } = new AbortController()
  const options = { maxTokens: 100, keep: 'start', signal } as const
  for (const use of [
    { textType: 'query' },
    { textType: 'query', instruct: 'cite' },
    { textType: 'document' },
  ] as const) {
    const { passes } = await engine.prepare('x', { ...options, ...use })
    await engine.embed(passes, { signal })
  }
  expect(seen).toEqual(['Instruct: find\nQuery: x', 'Instruct: cite\nQuery: x', 'passage: x'])
})

test.each([
  ['500', failing(500)],
  ['429', failing(429)],
  ['503 with Retry-After', failing(503, { 'retry-after': '60' })],
  ['a broken connection', ({ answer }) => answer.hangUp()],
  ['too few vectors', ({ answer }) => answer.json({ data: [] })],
  [
    'another dimension',
    ({ texts, answer }) => answer.json({ data: texts.map((_, index) => ({ index, embedding: [1] })) }),
  ],
  ['a redirect', failing(307, { location: 'http://127.0.0.1:1/' })],
] satisfies [string, Behaviour][])('%s of one server is another server’s to answer', async (_what, behave) => {
  const [bad, good] = await fakes()
  const engine = await start([bad, good])
  after(bad, behave)
  for (let i = 0; i < 6; i++) {
    const text = `word ${i}`
    expect((await embed(engine, text))[0]?.dense).toEqual(Float32Array.from(fakeVector(text)))
  }
})

test('where all servers fail, the caller learns what kind of failure it was, and none of their words', async () => {
  const [one, two] = await fakes()
  const engine = await start([one, two])
  const outcome = async (behave: Behaviour) => {
    for (const server of [one, two]) after(server, behave)
    const error = await embed(engine, 'x').catch((error: unknown) => error)
    expect(String(error)).not.toContain('secret')
    return error
  }
  expect(await outcome(failing(500))).toMatchObject({ row: 'engine_failed' })
  expect(await outcome(failing(400))).toMatchObject({
    row: 'invalid_parameter',
    message: expect.stringContaining('HTTP 400'),
  })
  expect(await outcome(failing(401))).toMatchObject({ row: 'engine_failed' })
  const tooLong: Behaviour = ({ answer }) => answer.json({ error: 'maximum context length is 5' }, { status: 400 })
  expect(await outcome(tooLong)).toMatchObject({
    row: 'invalid_parameter',
    message: expect.stringContaining('Range of input length should be [1, 100]'),
  })
  const notANumber: Behaviour = ({ answer }) =>
    answer.json({ data: [{ index: 0, embedding: [null, 1] }], usage: { prompt_tokens: 1 } })
  expect(await outcome(notANumber)).toMatchObject({ row: 'engine_failed' })
  expect(await outcome(failing(429, { 'retry-after': '77' }))).toMatchObject({
    row: 'overloaded',
    retryAfterSeconds: 77,
  })
})

test('a text that is too long is said to be so when it is alone; with others, all are to be tried again', async () => {
  const [one] = await fakes()
  const engine = await start([one], { maxTexts: 8 })
  after(one, ({ texts, answer }) =>
    texts.some((text) => text.includes('long'))
      ? answer.json({ error: 'maximum context length is 5' }, { status: 400 })
      : answer.soundly(),
  )
  await expect(embed(engine, ['first', 'too long', 'last'])).rejects.toMatchObject({ row: 'engine_failed' })
  await expect(embed(engine, 'too long')).rejects.toMatchObject({ row: 'invalid_parameter' })
})

test('a text that the server cannot compute harms nobody but itself', async () => {
  const [one] = await fakes()
  const engine = await start([one])
  after(one, ({ texts, answer }) =>
    texts.includes('poison') ? failing(500)({ texts, body: undefined, answer }) : answer.soundly(),
  )
  for (let i = 0; i < 5; i++) {
    await expect(embed(engine, 'poison')).rejects.toMatchObject({ row: 'engine_failed' })
    expect(await embed(engine, 'sound')).toHaveLength(1)
  }
  expect(engine.isUp).toBe(true)
})

test('how each server stands is told: what it answered, what failed, and what came from elsewhere', async () => {
  const [bad, good] = await fakes()
  const engine = await start([bad, good])
  expect(engine.servers?.map(({ isUp, answered }) => [isUp, answered])).toEqual([
    [true, 0],
    [true, 0],
  ])
  after(bad, failing(500))
  for (let i = 0; i < 4; i++) await embed(engine, `text ${i}`)
  const [first, second] = engine.servers ?? []
  expect(first?.failed).toBeGreaterThan(0)
  expect(first?.answered).toBe(0)
  expect(second).toMatchObject({ isUp: true, running: 0, answered: 4, failed: 0, retried: first?.failed })
  expect(second?.seconds).toBeGreaterThan(0)
})

test('429 with a short Retry-After is waited for when there is no other server', async () => {
  const [one] = await fakes()
  const engine = await start([one])
  let refusals = 0
  after(one, (exchange) =>
    refusals++ === 0 ? failing(429, { 'retry-after': '1' })(exchange) : exchange.answer.soundly(),
  )
  const startedAt = performance.now()
  await embed(engine, 'x')
  expect(performance.now() - startedAt).toBeGreaterThan(900)
})

test('a caller that goes closes its request; its neighbours get their answers', async () => {
  const [one] = await fakes()
  const engine = await start([one])
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  after(one, async ({ answer }) => {
    await held
    answer.soundly()
  })
  const gone = new AbortController()
  const unwanted = embed(engine, ['u1', 'u2', 'u3'], gone.signal)
  const wanted = embed(engine, 'wanted')
  await vi.waitFor(() => expect(one.running).toBe(4))
  gone.abort(new Error('gone'))
  await expect(unwanted).rejects.toThrow('gone')
  await vi.waitFor(() => expect(one.abandoned).toBe(3))
  release()
  expect((await wanted)[0]?.dense).toEqual(Float32Array.from(fakeVector('wanted')))
})

test('no server gets more calls at a time than allowed, and both get their share', async () => {
  const [one, two] = await fakes()
  const engine = await start([one, two], { maxConcurrency: 3 })
  let most = 0
  const slowly: Behaviour = async ({ answer }) => {
    most = Math.max(most, one.running, two.running)
    await sleep(20)
    answer.soundly()
  }
  for (const server of [one, two]) {
    after(server, slowly)
    server.seen = 0
  }
  await embed(
    engine,
    Array.from({ length: 30 }, (_, i) => `text ${i}`),
  )
  expect(most).toBe(3)
  expect(Math.min(one.seen, two.seen)).toBeGreaterThan(10)
})

test('a server that does not answer is given up in time, and then left alone until it has proved itself', async () => {
  const [stuck, good] = await fakes()
  const engine = await start([stuck, good], { timeoutMs: 200 })
  stuck.behave = () => {} // trials fail too
  for (let i = 0; i < 8; i++) await embed(engine, 'x')
  const { seen } = stuck
  for (let i = 0; i < 8; i++) await embed(engine, 'x')
  expect(stuck.seen).toBe(seen)
  stuck.behave = sound
  await vi.waitFor(
    async () => {
      await embed(engine, 'x')
      expect(stuck.seen).toBeGreaterThan(seen + 1)
    },
    { timeout: 10_000, interval: 50 },
  )
})

test('a server that is down at start makes the model not ready, and is found when it comes', async () => {
  const [one] = await fakes()
  const { url } = one
  await one.close()
  const engine = await start([{ url }])
  expect(engine.isUp).toBe(false)
  await expect(embed(engine, 'x')).rejects.toMatchObject({ row: 'not_ready', retryAfterSeconds: 1 })
  const back = await startFakeServer(sound, Number(new URL(url).port))
  closing.push(() => back.close())
  await vi.waitFor(() => expect(engine.isUp).toBe(true), { timeout: 10_000 })
  expect(await embed(engine, 'x')).toHaveLength(1)
})

test.each([
  ['another number of components', { dimension: 9 }, sound],
  [
    'no numbers of tokens',
    {},
    ({ texts, answer }) => answer.json({ data: texts.map((text, index) => ({ index, embedding: fakeVector(text) })) }),
  ],
] satisfies [string, object, Behaviour][])('a server with %s is not used', async (_what, more, behave) => {
  const [one] = await fakes(behave)
  expect((await start([one], more)).isUp).toBe(false)
})

test('a server with another model than the first is not used', async () => {
  const other: Behaviour = ({ texts, answer }) =>
    answer.json({
      data: texts.map((text, index) => ({ index, embedding: fakeVector(text).map((c, i) => (i % 2 ? -c : c)) })),
      usage: { prompt_tokens: 1 },
    })
  const [one, two] = await fakes(sound, async (exchange) => {
    await sleep(50) // so that the sound one is first
    await other(exchange)
  })
  const engine = await start([one, two])
  const { seen } = two
  for (let i = 0; i < 6; i++) await embed(engine, 'x')
  expect(two.seen).toBe(seen)
})

test('numbers are taken from a server that has no base64', async () => {
  const [one] = await fakes()
  one.behave = (exchange) => {
    if (fieldOf(exchange.body, 'encoding_format') === 'float') exchange.answer.soundly()
    else failing(400)(exchange)
  }
  const engine = await start([one])
  expect((await embed(engine, 'x'))[0]?.dense).toEqual(Float32Array.from(fakeVector('x')))
})

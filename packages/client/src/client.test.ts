import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { modelObject, type Script, startScriptedServer } from '../test/scripted-server.js'
import { QuiverClient, type QuiverClientOptions } from './client.js'
import { QuiverError } from './quiver-error.js'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})

/** A client of a server that knows one model and answers embeddings by the script. */
async function clientOf(
  script: Script,
  options: QuiverClientOptions & { maxInputs?: number; maxCompatibleInputs?: number } = {},
) {
  const { maxInputs = 2, maxCompatibleInputs, ...rest } = options
  let posts = 0
  const server = await startScriptedServer((seen, reply) =>
    seen.input === undefined
      ? reply.json(200, modelObject(maxInputs, maxCompatibleInputs))
      : script(seen, reply, posts++),
  )
  closers.push(() => server.close())
  const inputs = () => server.seen.flatMap(({ input }) => (input === undefined ? [] : [input]))
  return { client: new QuiverClient({ baseUrl: `${server.url}/`, ...rest }), server, inputs }
}

const echo: Script = ({ input = [] }, reply) => reply.vectors(input)
const numbers = (count: number) => Array.from({ length: count }, (_, number) => String(number))
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('must fail'),
    (error: unknown) => error as QuiverError, // what it is, is asserted by the caller
  )
const overloaded = { error: { message: 'Model is unavailable.', code: 'model_unavailable', param: null } }

test('texts are split by the limit that the server tells, which is asked for once', async () => {
  const { client, server, inputs } = await clientOf(echo, { maxInputs: 3 })
  const { vectors, totalTokens, requestIds, space } = await client.embed(numbers(8))
  expect(vectors.map((vector) => vector[1])).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect({ totalTokens, requestIds, space }).toEqual({
    totalTokens: 8,
    requestIds: ['request', 'request', 'request'],
    space: 'space-one',
  })
  expect(inputs().map(({ length }) => length)).toEqual([3, 3, 2])
  await client.embed(['a', 'b'])
  expect(server.seen.filter(({ path }) => path === '/v1/models/text-embedding-v4')).toHaveLength(1)
})

test('one text asks for no limit; a given limit is taken', async () => {
  const { client, server, inputs } = await clientOf(echo)
  await client.embed('a')
  await client.embed(['a', 'b', 'c'], { maxInputs: 1 })
  expect(inputs()).toEqual([['a'], ['a'], ['b'], ['c']])
  expect(server.seen.every(({ path }) => path === '/v1/embeddings')).toBe(true)
})

test('where the server takes more dense vectors in one request, they are not split', async () => {
  const { client, inputs } = await clientOf(echo, { maxInputs: 3, maxCompatibleInputs: 2048 })
  await client.embed(numbers(300))
  expect(inputs().map(({ length }) => length)).toEqual([256, 44])
})

test('answers that come in another order than they were asked for are put in order', async () => {
  const { client } = await clientOf(async ({ input = [] }, reply, count) => {
    await wait(40 - 10 * count)
    reply.vectors(input)
  })
  const { vectors } = await client.embed(numbers(8))
  expect(vectors.map((vector) => vector[1])).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('what may pass is tried again, after the time that the server asks for', async () => {
  const times: number[] = []
  const { client } = await clientOf(({ input = [] }, reply, count) => {
    times.push(performance.now())
    if (count === 0) return reply.json(503, overloaded, { 'retry-after': '1', 'x-should-retry': 'true' })
    reply.vectors(input)
  })
  expect((await client.embed('7')).vectors[0]?.[1]).toBe(7)
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990)
})

test('a broken connection is tried again; a refusal is not', async () => {
  const broken = await clientOf(({ input = [] }, reply, count) =>
    count === 0 ? void reply.response.destroy() : reply.vectors(input),
  )
  expect((await broken.client.embed('7')).vectors).toHaveLength(1)
  const refusing = await clientOf((_, reply) =>
    reply.json(
      400,
      { error: { message: 'No.', code: 'InvalidParameter', param: 'dimensions' } },
      { 'x-should-retry': 'false' },
    ),
  )
  expect(await failure(refusing.client.embed('x'))).toMatchObject({
    name: 'QuiverError',
    status: 400,
    code: 'InvalidParameter',
    message: 'No.',
    param: 'dimensions',
    requestId: 'request',
    isRetryable: false,
  })
  expect(refusing.inputs()).toHaveLength(1)
})

test('after the last attempt the caller gets what the server said', async () => {
  const { client, inputs } = await clientOf((_, reply) => reply.json(503, overloaded, { 'retry-after': '0' }), {
    maxRetries: 1,
  })
  expect(await failure(client.embed('x'))).toMatchObject({ status: 503, code: 'model_unavailable', retryAfterMs: 0 })
  expect(inputs()).toHaveLength(2)
})

test('a wait that would outlast the deadline is not begun', async () => {
  const { client, inputs } = await clientOf((_, reply) => reply.json(429, overloaded, { 'retry-after': '3600' }))
  const error = await failure(client.embed('x', { timeoutMs: 60_000 }))
  expect(error).toMatchObject({ status: 429, retryAfterMs: 3_600_000 })
  expect(inputs()).toHaveLength(1)
})

test('a call ends at its deadline, in the middle of a request too', async () => {
  const { client } = await clientOf(() => {})
  expect(await failure(client.embed('x', { timeoutMs: 30 }))).toMatchObject({
    code: 'client_timeout',
    status: undefined,
  })
})

test('an attempt that takes too long is tried again', async () => {
  const { client } = await clientOf(
    ({ input = [] }, reply, count) => (count === 0 ? undefined : reply.vectors(input)),
    {
      requestTimeoutMs: 500,
    },
  )
  expect((await client.embed('x')).vectors).toHaveLength(1)
})

test("the caller's signal ends requests and waits, with the caller's reason", async () => {
  const { client } = await clientOf(() => {})
  const signal = AbortSignal.timeout(30)
  await expect(client.embed(numbers(4), { signal })).rejects.toBe(await failure(client.embed('x', { signal })))
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
})

test('nobody listening is a connection_failed', async () => {
  const { client, server } = await clientOf(echo, { maxRetries: 0 })
  await server.close()
  const error = await failure(client.embed('x'))
  expect(error).toBeInstanceOf(QuiverError)
  expect(error).toMatchObject({ code: 'connection_failed', status: undefined, isRetryable: true })
  expect(error.message).toContain(server.url)
})

test('vectors of two spaces are never mixed', async () => {
  const { client } = await clientOf(({ input = [] }, reply, count) =>
    reply.vectors(input, { 'x-quiver-space': count < 2 ? 'space-one' : 'space-two' }),
  )
  const error = await failure(client.embed(numbers(6), { concurrency: 1 }))
  expect(error).toMatchObject({ code: 'space_changed' })
  expect(error.message).toContain('from space-one to space-two')
})

test.each([
  ['a vector too few', { data: [{ index: 0, embedding: 'AAAAAA==' }], usage: { total_tokens: 1 } }],
  ['a position twice', { data: [0, 0].map((index) => ({ index, embedding: 'AAAAAA==' })), usage: { total_tokens: 1 } }],
  ['another shape', { embeddings: [[1], [2]] }],
])('an answer with %s is an invalid_answer', async (_, body) => {
  const { client } = await clientOf((_, reply) => reply.json(200, body))
  expect(await failure(client.embed(['a', 'b']))).toMatchObject({ code: 'invalid_answer', requestId: 'request' })
})

test("a proxy's error page has no code but its status", async () => {
  const page: Script = (_, reply) => void reply.response.writeHead(403).end('<h1>Forbidden</h1>')
  const { client } = await clientOf(page)
  expect(await failure(client.embed('x'))).toMatchObject({ status: 403, code: 'http_403', message: 'HTTP 403' })
})

test('a fault names the text by its place in the call, and stops the rest', async () => {
  const { client, inputs } = await clientOf(({ input = [] }, reply) => {
    const bad = input.indexOf('bad')
    if (bad < 0) return reply.vectors(input)
    const param = `input[${bad}]`
    reply.json(400, { error: { message: `${param} has no tokens.`, code: 'InvalidParameter', param } })
  })
  const texts = numbers(100).with(5, 'bad')
  expect(await failure(client.embed(texts))).toMatchObject({
    position: 5,
    param: 'texts[5]',
    message: 'texts[5] has no tokens.',
  })
  expect(inputs().length).toBeLessThan(10)
})

test('a large source is embedded as it is read, with progress', async () => {
  let read = 0
  async function* lines() {
    for (const text of numbers(1000)) {
      read++
      yield text
    }
  }
  const { client } = await clientOf(echo, { maxInputs: 10 })
  const reports: unknown[] = []
  const positions: number[] = []
  const options = { concurrency: 2, onProgress: (progress: unknown) => void reports.push(progress) }
  for await (const { position, text, vector, space } of client.embedAll(lines(), options)) {
    expect([text, vector[1], space]).toEqual([String(position), position, 'space-one'])
    positions.push(position)
    if (position === 24) break
  }
  expect(positions).toEqual(Array.from({ length: 25 }, (_, position) => position))
  expect(reports).toEqual([10, 20, 30].map((texts) => ({ texts, totalTokens: texts })))
  expect(read).toBeLessThanOrEqual(70)
})

test('an empty source yields nothing; a single text is a mistake', async () => {
  const { client } = await clientOf(echo)
  expect((await client.embedAll([]).next()).done).toBe(true)
  await expect(client.embedAll('text').next()).rejects.toThrow(TypeError)
})

test('a server that tells no limits needs maxInputs', async () => {
  const server = await startScriptedServer((_, reply) => reply.json(200, { id: 'm', object: 'model', created: 0 }))
  closers.push(() => server.close())
  const client = new QuiverClient({ baseUrl: server.url })
  const error = await failure(client.embed(['a', 'b']))
  expect(error).toMatchObject({ code: 'invalid_answer' })
  expect(error.message).toContain('maxInputs')
})

test.each([0, -1, 1.5, Number.NaN])('concurrency %s is a RangeError', async (concurrency) => {
  const { client } = await clientOf(echo)
  await expect(client.embed(['a', 'b'], { concurrency })).rejects.toThrow(RangeError)
})

test('a model that takes thousands of texts gets 256 at once', async () => {
  const { client, inputs } = await clientOf(echo, { maxInputs: 2048 })
  await client.embed(numbers(300))
  expect(inputs().map(({ length }) => length)).toEqual([256, 44])
})

test('texts that were cut are named by their place in the call', async () => {
  const { client } = await clientOf(({ input = [] }, reply, count) =>
    reply.vectors(input, count === 1 ? { 'x-quiver-truncated': '0,1' } : {}),
  )
  const { truncated } = await client.embed(numbers(6), { concurrency: 1 })
  expect(truncated).toEqual([2, 3])
})

test('the key is sent', async () => {
  const { client, server } = await clientOf(echo, { apiKey: 'sk-one' })
  await client.embed('x')
  expect(server.seen[0]?.authorization).toBe('Bearer sk-one')
})

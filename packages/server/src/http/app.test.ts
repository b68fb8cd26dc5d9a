import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { ApiError } from '@quiver/protocol'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test, vi } from 'vitest'
import { createKeyring } from '../admission/api-key.js'
import { Catalog } from '../catalog/catalog.js'
import { createDetokenize } from '../embedding/detokenize.js'
import type { Embed } from '../embedding/embed.js'
import { loadVocabulary } from '../embedding/vocabulary.js'
import { createLog } from '../telemetry/log.js'
import { createMetrics } from '../telemetry/metrics.js'
import type { Charge, Ledger } from '../usage/ledger.js'
import { createApp } from './app.js'
import { endpointsOf } from './endpoints.js'

const OPENAI = '/compatible-mode/v1/embeddings'
const NATIVE = '/api/v1/services/embeddings/text-embedding/text-embedding'
const OTHERS = [
  '/embed',
  '/embed_sparse',
  '/similarity',
  '/tokenize',
  '/decode',
  '/api/embed',
  '/api/embeddings',
  '/v2/embed',
]
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})

/** Vectors of 1/√d everywhere; one token a character. */
const fakeEmbed: Embed = async ({ model, inputs, dimension, outputType }) => ({
  model: model.id,
  embeddings: inputs.map((text, index) => ({
    index,
    tokens: text.length,
    ...(outputType !== 'sparse' && { dense: new Float32Array(dimension).fill(1 / Math.sqrt(dimension)) }),
    ...(outputType !== 'dense' && { sparse: [{ index: 7, value: 1, token: '风' }] }),
  })),
  totalTokens: inputs.reduce((sum, text) => sum + text.length, 0),
  space: '0123456789abcdef',
  engineSpace: 'fedcba9876543210',
})

/** A service that no test here reaches; one that does fails. */
function absent<Service extends object>(name: string): Service {
  const refuse = () => {
    throw new Error(`${name} is not part of this test`)
  }
  return new Proxy({}, { get: refuse }) as Service // every use of it throws
}

interface AppOptions {
  embed?: Embed
  catalog?: Catalog
  keys?: string[]
  isReady?: boolean
  enginesDown?: string[]
  isAutoSplit?: boolean
  requestTimeoutMs?: number
  level?: string
  record?: Ledger['record']
}

function appWith(options: AppOptions = {}) {
  const logged = new PassThrough()
  const lines: string[] = []
  logged.on('data', (chunk) => lines.push(String(chunk)))
  const catalog = options.catalog ?? new Catalog()
  const app = createApp(endpointsOf({ version: '0.0.0-test', catalog, window: 4 }), {
    services: {
      catalog,
      detokenize: createDetokenize(new Catalog(), { loadVocabulary, maxTextBytes: 2000 }),
      embed: options.embed ?? fakeEmbed,
      embedContents: absent('embedContents'),
      resolveUserUrl: absent('resolveUserUrl'),
      checkReachable: absent('checkReachable'),
      tokenize: async (_model, texts) =>
        texts.map((text) => Array.from(text, (character, id) => ({ id, text: character }))),
      inspect: {
        tokensOf: async () => ({
          locate: async (texts) => texts.map((text) => ({ text, tokens: [], before: [], after: [] })),
          decode: (ids) => String.fromCharCode(...ids),
        }),
        describe: () => ({ identity: '0'.repeat(64), window: 4 }),
      },
      defaultModel: new Catalog().get('text-embedding-v4'),
      maxQueuedInputs: 8,
      keyring: createKeyring(options.keys ?? []),
      metrics: createMetrics(),
      ledger: { ...absent<Ledger>('ledger'), record: options.record ?? (async () => {}) },
      files: absent('files'),
      blobs: absent('blobs'),
      signer: absent('signer'),
      jobs: absent('jobs'),
      publicUrl: undefined,
      isAutoSplit: options.isAutoSplit ?? false,
      isReady: () => options.isReady ?? true,
      enginesDown: () => options.enginesDown ?? [],
      selfTest: async ({ engine }) => ({
        engine,
        isGood: false,
        checks: [{ name: 'golden vectors', isGood: false, detail: 'off' }],
      }),
    },
    limits: { maxBodyBytes: 2000, maxMediaBodyBytes: 2000, requestTimeoutMs: options.requestTimeoutMs ?? 200 },
    log: createLog(options.level ?? 'silent', logged),
  })
  closers.push(() => app.close())
  const post = (url: string, payload: string | object, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url,
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json', ...headers },
    })
  return { app, post, lines }
}

test.each([
  ['OpenAI', OPENAI, { model: 'text-embedding-v4', input: ['ab', 'c'] }, 2, 3],
  ['DashScope', NATIVE, { model: 'text-embedding-v4', input: { texts: ['ab', 'c'] } }, 2, 3],
  ['TEI', '/embed', { inputs: ['ab', 'c'] }, 2, 3],
  ['TEI, sparse', '/embed_sparse', { inputs: ['ab', 'c'] }, 2, 3],
  ['TEI, similarity', '/similarity', { inputs: { source_sentence: 'ab', sentences: ['c'] } }, 2, 3],
  ['Ollama', '/api/embed', { model: 'text-embedding-v4', input: ['ab', 'c'] }, 2, 3],
  ['Ollama, older', '/api/embeddings', { model: 'text-embedding-v4', prompt: 'ab' }, 1, 2],
  ['Cohere', '/v2/embed', { model: 'text-embedding-v4', input_type: 'search_document', texts: ['ab', 'c'] }, 2, 3],
])('a request of %s is charged once, before its answer', async (_dialect, url, body, inputs, tokens) => {
  const charges: Charge[] = []
  let isRecorded = false
  const { post } = appWith({
    async record(charge) {
      charges.push(charge)
      await new Promise((resolve) => setTimeout(resolve, 20))
      isRecorded = true
    },
  })
  const { statusCode, headers } = await post(url, body)
  expect(statusCode).toBe(200)
  expect(isRecorded).toBe(true)
  const id = String(headers['x-request-id'])
  const expected = { id: `request:${id}`, reference: id, kind: 'request', inputs, tokens, priceMicrosPer1kTokens: 500 }
  expect(charges).toEqual([expect.objectContaining({ ...expected, model: 'text-embedding-v4' })])
})

test('a request that cannot be charged is not answered, and one that fails is not charged', async () => {
  const failing = appWith({ record: () => Promise.reject(new Error('the disk is full')) })
  const unpaid = await failing.post(OPENAI, { model: 'text-embedding-v4', input: 'a' })
  expect(unpaid.statusCode).toBe(500)
  expect(unpaid.body).not.toContain('disk')
  const charges: Charge[] = []
  const { post } = appWith({
    embed: () => Promise.reject(new ApiError('engine_failed', 'no')),
    record: async (charge) => void charges.push(charge),
  })
  expect((await post(OPENAI, { model: 'text-embedding-v4', input: 'a' })).statusCode).toBeGreaterThanOrEqual(500)
  expect(charges).toEqual([])
})

test('the request id is in the body and in the header, in both dialects', async () => {
  const { post } = appWith()
  const compatible = await post(OPENAI, { model: 'text-embedding-v4', input: 'ab' })
  expect(compatible.statusCode).toBe(200)
  expect(compatible.json().id).toMatch(UUID)
  expect(compatible.headers['x-request-id']).toBe(compatible.json().id)
  expect(compatible.headers['content-type']).toContain('application/json')
  const native = await post(NATIVE, { model: 'text-embedding-v4', input: { texts: ['ab'] } })
  expect(native.headers['x-request-id']).toBe(native.json().request_id)
  expect(native.headers['x-quiver-space']).toBe('0123456789abcdef')
})

test('base64 is bit-equal to the floats', async () => {
  const { post } = appWith({
    embed: async (request, signal) => {
      const result = await fakeEmbed(request, signal)
      const dense = Float32Array.of(0.1, -1 / 3, 1e-8, Math.fround(Math.PI))
      return { ...result, embeddings: [{ index: 0, tokens: 1, dense }] }
    },
  })
  const body = { model: 'text-embedding-v4', input: 'x' }
  const floats = (await post(OPENAI, body)).json().data[0].embedding
  const bytes = Buffer.from(
    (await post(OPENAI, { ...body, encoding_format: 'base64' })).json().data[0].embedding,
    'base64',
  )
  expect(floats.map(Math.fround)).toEqual([0, 4, 8, 12].map((offset) => bytes.readFloatLE(offset)))
})

test('trailing and doubled slashes reach the same endpoint', async () => {
  const { post } = appWith()
  for (const url of [`${OPENAI}/`, '//v1//embeddings', '/v1/embeddings?x=1']) {
    expect((await post(url, { model: 'text-embedding-v4', input: 'x' })).statusCode).toBe(200)
  }
})

test.each([
  ['not JSON', '{"model":', 400, 'InvalidParameter', 'invalid_parameter_error'],
  ['no body', '', 400, 'InvalidParameter', 'invalid_parameter_error'],
  ['a list', '[]', 400, 'InvalidParameter', 'invalid_parameter_error'],
  ['no model', '{}', 400, 'BadRequest.EmptyModel', 'invalid_parameter_error'],
  ['a body over the limit', JSON.stringify({ x: 'y'.repeat(3000) }), 413, 'BadRequest.TooLarge', 'payload_too_large'],
])('%s is answered in the words of each dialect', async (_name, payload, status, nativeCode, openaiCode) => {
  const { post } = appWith()
  const native = await post(NATIVE, payload)
  expect([native.statusCode, native.json().code]).toEqual([status, nativeCode])
  expect(native.json().request_id).toBe(native.headers['x-request-id'])
  const compatible = await post(OPENAI, payload)
  expect([compatible.statusCode, compatible.json().error.code]).toEqual([status, openaiCode])
  expect(compatible.json().request_id).toBe(compatible.headers['x-request-id'])
  expect(compatible.headers['content-type']).toContain('application/json')
})

test('bytes that are not UTF-8 are not JSON; a byte order mark is tolerated', async () => {
  const { app, post } = appWith()
  const headers = { authorization: 'Bearer x' }
  const payload = Buffer.from('7b2261223a22ff227d', 'hex')
  expect((await app.inject({ method: 'POST', url: OPENAI, payload, headers })).statusCode).toBe(400)
  expect((await post(OPENAI, '\ufeff{"model":"text-embedding-v4","input":"x"}')).statusCode).toBe(200)
})

test('a body in any content type is read as JSON, a compressed one is refused', async () => {
  const { post } = appWith()
  const body = { model: 'text-embedding-v4', input: 'x' }
  expect((await post(OPENAI, body, { 'content-type': 'application/x-www-form-urlencoded' })).statusCode).toBe(200)
  expect((await post(OPENAI, body, { 'content-encoding': 'gzip' })).statusCode).toBe(415)
})

test('the key is checked before the body, in either header', async () => {
  const { app, post } = appWith({ keys: ['sk-right'] })
  expect((await post(OPENAI, '{')).json().error).toMatchObject({
    code: 'invalid_api_key',
    message: 'Incorrect API key provided. ',
  })
  expect((await post(NATIVE, '{')).json()).toMatchObject({
    code: 'InvalidApiKey',
    message: 'Invalid API-key provided.',
  })
  const payload = { model: 'text-embedding-v4', input: 'x' }
  const own = await app.inject({ method: 'POST', url: OPENAI, payload, headers: { 'x-dashscope-apikey': 'sk-right' } })
  expect(own.statusCode).toBe(200)
  for (const authorization of ['Bearer', 'Bearer ', 'Basic sk-right', 'sk-right', 'Bearer sk-right sk-right']) {
    const response = await app.inject({ method: 'POST', url: OPENAI, payload, headers: { authorization } })
    expect(response.statusCode, authorization).toBe(401)
  }
})

test('a key may hold spaces; those around it do not count', async () => {
  const { post } = appWith({ keys: ['My API Key'] })
  const body = { model: 'text-embedding-v4', input: 'x' }
  expect((await post(OPENAI, body, { authorization: 'bearer  My API Key ' })).statusCode).toBe(200)
  expect((await post(OPENAI, body, { authorization: 'Bearer My' })).statusCode).toBe(401)
})

test('a request without a key is refused before its body is read', async () => {
  const { app } = appWith()
  const response = await app.inject({ method: 'POST', url: OPENAI, payload: 'x'.repeat(1e5) })
  expect(response.statusCode).toBe(401)
})

test('the log says which key called, never the key', async () => {
  const { post, lines } = appWith({ level: 'info' })
  await post(OPENAI, { model: 'text-embedding-v4', input: 'x' })
  expect(JSON.parse(lines.join(''))).toMatchObject({
    method: 'POST',
    path: OPENAI,
    status: 200,
    keyId: expect.stringMatching(/^[0-9a-f]{8}$/),
  })
})

test('an unknown path is a 404 and a wrong method a 405, in the dialect of the path', async () => {
  const { app } = appWith()
  expect((await app.inject('/api/v1/nothing')).json()).toMatchObject({ code: 'NotFound' })
  expect((await app.inject('/v1/nothing')).json().error).toMatchObject({ code: 'not_found' })
  const wrong = await app.inject({ method: 'GET', url: OPENAI })
  expect([wrong.statusCode, wrong.json().error.message]).toEqual([405, 'GET is not allowed here; use POST.'])
  const malformed = await app.inject('/v1/models/%zz')
  expect(malformed.statusCode).toBe(404)
  expect(malformed.json().request_id).toMatch(UUID)
})

test('an unforeseen fault is a 500 that tells nothing, and the log has the cause', async () => {
  const { post, lines } = appWith({ embed: () => Promise.reject(new Error('secret path')), level: 'error' })
  const response = await post(OPENAI, { model: 'text-embedding-v4', input: 'x' })
  expect(response.statusCode).toBe(500)
  expect(response.body).not.toContain('secret')
  expect(lines.join('')).toContain('secret path')
})

test('a full queue is a 503 with the time to come back', async () => {
  const error = new ApiError('overloaded', 'Model is unavailable', { retryAfterSeconds: 1 })
  const { post } = appWith({ embed: () => Promise.reject(error) })
  const response = await post(NATIVE, { model: 'text-embedding-v4', input: { texts: ['x'] } })
  expect([response.statusCode, response.headers['retry-after'], response.json().code]).toEqual([
    503,
    '1',
    'ModelUnavailable',
  ])
})

test('a request that takes too long is given up, and the engine is told', async () => {
  let reason: unknown
  const embed: Embed = (_request, { signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        reason = signal.reason
        reject(reason)
      }),
    )
  const response = await appWith({ embed }).post(OPENAI, { model: 'text-embedding-v4', input: 'x' })
  expect([response.statusCode, response.json().error.code]).toEqual([500, 'request_timeout'])
  expect(reason).toMatchObject({ name: 'TimeoutError' })
})

test('when the client goes, the work is told to stop', async () => {
  const stopped = deferred()
  const embed: Embed = (_request, { signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        reject(signal.reason)
        stopped.resolve(signal.reason)
      }),
    )
  const { app } = appWith({ embed })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const body = '{"model":"text-embedding-v4","input":"x"}'
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(
    `POST ${OPENAI} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  setTimeout(() => socket.destroy(), 50)
  expect(await stopped.promise).toMatchObject({ name: 'ClientGone' })
})

test('when the client goes, requests that wait behind another one are told too', async () => {
  const reasons: unknown[] = []
  const started = deferred()
  const embed: Embed = (_request, { signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reasons.push(signal.reason.name)
        reject(signal.reason)
      })
      if (++running === 12) started.resolve(undefined)
    })
  let running = 0
  const { app } = appWith({ embed, requestTimeoutMs: 60_000 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const body = '{"model":"text-embedding-v4","input":"x"}'
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const request = `POST ${OPENAI} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  socket.write(request.repeat(12))
  await started.promise
  socket.destroy()
  await vi.waitFor(() => expect(reasons).toEqual(Array(12).fill('ClientGone')), 10_000)
})

test('answers that wait for a slow reader, and for each other, keep their own bytes', async () => {
  let asked = 0
  const embed = async ({ model, inputs, dimension }: Parameters<Embed>[0]) => {
    await new Promise((resolve) => setTimeout(resolve, 5 * asked++)) // earlier answers then wait to be read
    return answerOf(model, inputs, dimension)
  }
  // Each answer has one number everywhere: that of its text.
  const answerOf = (model: { id: string }, inputs: readonly string[], dimension: number) => ({
    model: model.id,
    embeddings: inputs.map((text, index) => ({
      index,
      dense: new Float32Array(dimension).fill(Number(text)),
      tokens: 1,
    })),
    totalTokens: inputs.length,
    space: '0123456789abcdef',
    engineSpace: 'fedcba9876543210',
  })
  const { app } = appWith({ embed, requestTimeoutMs: 60_000 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo // listens
  const read = async (connection: number) => {
    const numbers = Array.from({ length: 30 }, (_, i) => connection + (i + 1) / 64)
    const socket = connect(port, '127.0.0.1')
    socket.pause()
    for (const number of numbers) {
      const input = Array(10).fill(String(number))
      const body = JSON.stringify({ model: 'text-embedding-v4', input, dimensions: 2048 })
      const close = number === numbers.at(-1) ? 'Connection: close\r\n' : ''
      socket.write(
        `POST ${OPENAI} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n${close}Content-Length: ${body.length}\r\n\r\n${body}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 50 * connection))
    if (connection === 0) return void socket.resetAndDestroy()
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk)
    const answers = Buffer.concat(chunks)
      .toString()
      .split(/HTTP\/1.1 200 OK\r\n[\s\S]*?\r\n\r\n/)
      .slice(1)
    const vectors = answers.map((answer) =>
      JSON.parse(answer).data.flatMap(({ embedding }: { embedding: number[] }) => embedding),
    )
    expect(vectors.map((vector) => [...new Set(vector)])).toEqual(numbers.map((number) => [number]))
  }
  await Promise.all([0, 1, 2, 3].map(read))
}, 120_000)

test('bytes that are no HTTP get a JSON error and a closed connection', async () => {
  const answer = await rawAnswer(appWith().app, 'NONSENSE\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"malformed_http"/)
  expect(requestIdsOf(answer)).toHaveLength(3)
})

test.each(['', ';;;', '/', 'a/b; c="'])('a malformed content type (%j) does not matter', async (contentType) => {
  const { post } = appWith()
  const answer = await post(OPENAI, { model: 'text-embedding-v4', input: 'x' }, { 'content-type': contentType })
  expect(answer.statusCode).toBe(200)
})

test('a request without a Host header gets a JSON error with its id', async () => {
  const answer = await rawAnswer(appWith().app, 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*no Host header/)
  expect(requestIdsOf(answer)).toHaveLength(3)
})

test('an expectation that is not known is ignored', async () => {
  const head = 'GET /livez HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nConnection: close\r\n\r\n'
  expect(await rawAnswer(appWith().app, head)).toMatch(/^HTTP\/1.1 200 [\s\S]*{"status":"ok"}$/)
})

test('a body that waits for «100 Continue» is asked for', async () => {
  const body = '{"model":"text-embedding-v4","input":"x"}'
  const head = `POST ${OPENAI} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nConnection: close\r\nExpect: 100-continue\r\n`
  const answer = await rawAnswer(appWith().app, `${head}Content-Length: ${body.length}\r\n\r\n${body}`)
  expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/)
})

test('a body that is too large is not asked for', async () => {
  const head = `POST ${OPENAI} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nExpect: 100-continue\r\n`
  const answer = await rawAnswer(appWith().app, `${head}Content-Length: 2001\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1.1 413 [\s\S]*a body may have 2000 bytes, it has 2001/)
})

test('«100 Continue» does not get into an answer that waits for another one', async () => {
  const first = 'GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n'
  const expecting = 'GET /livez HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n'
  const answers = await rawAnswer(appWith().app, first + expecting)
  expect(answers).not.toContain('100 Continue')
  expect(answers).toMatch(/\r\n\r\n{"status":"ok"}$/)
})

test('a head that is too long says so, with an id', async () => {
  const answer = await rawAnswer(appWith().app, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*its head has more than 16384 bytes/)
  expect(requestIdsOf(answer)).toHaveLength(3)
})

test('a client that goes while it sends its body is no fault of ours', async () => {
  const { app, lines } = appWith({ level: 'error' })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`POST ${OPENAI} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 100\r\n\r\n{"`)
  setTimeout(() => socket.resetAndDestroy(), 50)
  await new Promise((resolve) => app.server.once('connection', (own) => own.once('close', resolve)))
  await new Promise((resolve) => setImmediate(resolve))
  expect(lines).toEqual([])
})

test('an answer comes whole, with its length', async () => {
  const response = await appWith().post(OPENAI, { model: 'text-embedding-v4', input: ['风', 'b'] })
  expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(response.headers['content-length']).toBe(String(response.rawPayload.length))
})

test('inputs and keys are not logged, even at the finest level', async () => {
  const { post, lines } = appWith({ level: 'trace' })
  await post(OPENAI, { model: 'text-embedding-v4', input: 'SENTINEL-TEXT' }, { authorization: 'Bearer SENTINEL-KEY' })
  await post(OPENAI, '{"SENTINEL-BROKEN', { authorization: 'Bearer SENTINEL-KEY' })
  expect(lines.length).toBeGreaterThan(0)
  expect(lines.join('')).not.toContain('SENTINEL')
})

test('while draining, readiness says no and connections are closed', async () => {
  const { app } = appWith({ isReady: false })
  const ready = await app.inject('/readyz')
  expect([ready.statusCode, ready.headers.connection]).toEqual([503, 'close'])
  expect((await app.inject('/livez')).statusCode).toBe(200)
})

test('the tokenizer takes texts, a prompt or messages, as the SDK sends them', async () => {
  const { post } = appWith()
  const tokens = async (input: object) =>
    (await post('/api/v1/tokenizer', { model: 'text-embedding-v2', parameters: {}, input })).json()
  expect(await tokens({ texts: ['你好', '吗'] })).toMatchObject({
    output: { token_ids: [0, 1, 0], tokens: ['你', '好', '吗'] },
    usage: { input_tokens: 3 },
  })
  expect((await tokens({ prompt: '你好' })).output.tokens).toEqual(['你', '好'])
  expect((await tokens({ messages: [{ role: 'user', content: '吗' }] })).output.tokens).toEqual(['吗'])
  expect(await tokens({})).toMatchObject({ code: 'BadRequest.EmptyInput' })
  expect(await tokens({ texts: 'x' })).toMatchObject({ code: 'InvalidParameter' })
})

test('no JSON whatever makes a 5xx, and every error has a message and a request id', async () => {
  const { post } = appWith()
  const keys = fc.constantFrom(
    ...['model', 'input', 'texts', 'parameters', 'dimensions', 'dimension', 'text_type', 'x'],
    ...['inputs', 'prompt', 'ids', 'sentences', 'source_sentence', 'input_type', 'embedding_types', 'task', 'content'],
  )
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('text-embedding-v4', 'base64', 1024, null, 'clustering'),
  )
  const body = fc.oneof(value, fc.dictionary(keys, fc.oneof(value, fc.dictionary(keys, value))))
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom(OPENAI, NATIVE, ...OTHERS), async (json, url) => {
      const response = await post(url, JSON.stringify(json))
      expect(response.statusCode).toBeLessThan(500)
      if (response.statusCode === 200) return
      const answer = response.json()
      const message = answer.message ?? answer.error.message ?? answer.error
      expect(answer.request_id ?? response.headers['x-request-id']).toMatch(UUID)
      expect(message.length).toBeGreaterThan(10)
    }),
    { numRuns: 500 },
  )
})

test('models are listed and shown in both dialects', async () => {
  const { app } = appWith()
  const headers = { authorization: 'Bearer x' }
  const list = (await app.inject({ url: '/v1/models', headers })).json()
  expect(list.data.map(({ id }: { id: string }) => id)).toContain('text-embedding-v3')
  expect((await app.inject({ url: '/compatible-mode/v1/models/text-embedding-v4', headers })).json()).toMatchObject({
    id: 'text-embedding-v4',
    object: 'model',
    quiver: {
      maxInputs: 10,
      maxInputTokens: 8192,
      defaultDimension: 1024,
      outputs: ['dense', 'sparse', 'dense&sparse'],
    },
  })
  expect((await app.inject({ url: '/v1/models/none', headers })).statusCode).toBe(404)
  const page = (await app.inject({ url: '/api/v1/models?page_no=2&page_size=3', headers })).json()
  expect(page.output).toMatchObject({ page_no: 2, page_size: 3, total: 18 })
  expect(page.output.models).toHaveLength(3)
  expect(page.output.models[0]).toMatchObject({ model: 'text-embedding-v1' })
})

test('each dialect has its own error for the same fault', async () => {
  const { post } = appWith()
  const model = 'none'
  const error = async (url: string, body: object) => {
    const response = await post(url, body)
    return [response.statusCode, response.json()]
  }
  expect(await error('/embed', { inputs: 7 })).toEqual([
    422,
    { error: expect.stringContaining('it is number'), error_type: 'Validation' },
  ])
  expect(await error('/embed', { inputs: [] })).toEqual([
    400,
    { error: '`inputs` cannot be empty', error_type: 'Empty' },
  ])
  expect(await error('/rerank', {})).toEqual([424, { error: expect.any(String), error_type: 'Backend' }])
  expect(await error('/api/embed', { model, input: 'x' })).toEqual([404, { error: "model 'none' not found" }])
  expect(await error('/v2/embed', { model, input_type: 'clustering', texts: ['x'] })).toEqual([
    404,
    { id: expect.stringMatching(UUID), message: expect.stringContaining('`none` does not exist') },
  ])
})

test('an unknown path below a dialect answers in it; POST / is TEI, GET / the documentation', async () => {
  const { app, post } = appWith()
  expect((await app.inject('/api/nothing')).json()).toEqual({ error: 'Not found!' })
  expect((await app.inject('/v2/nothing')).json()).toMatchObject({ message: 'Not found!' })
  expect((await app.inject('/embed/nothing')).json()).toMatchObject({ error_type: 'Validation' })
  expect((await app.inject('/embeddings')).json()).toMatchObject({ error: { code: 'not_found' } })
  expect((await post('/', { inputs: 7 })).json()).toMatchObject({ error_type: 'Validation' })
  expect((await app.inject('/')).statusCode).toBe(302)
})

test('a full queue is a 429 to TEI and a 503 to the others', async () => {
  const { post } = appWith({ embed: () => Promise.reject(new ApiError('overloaded', 'Model is overloaded')) })
  const tei = await post('/embed', { inputs: 'x' })
  expect([tei.statusCode, tei.json().error_type]).toEqual([429, 'Overloaded'])
  expect((await post('/api/embed', { model: 'text-embedding-v4', input: 'x' })).statusCode).toBe(503)
})

test('the clients of TEI and Ollama need no key where none is configured, and one where some are', async () => {
  const requests = [
    ['POST', '/embed', { inputs: 'x' }],
    ['POST', '/api/embed', { model: 'text-embedding-v4', input: 'x' }],
    ['GET', '/api/tags', undefined],
    ['GET', '/info', undefined],
  ] as const
  const open = appWith().app
  const closed = appWith({ keys: ['sk-right'] }).app
  for (const [method, url, payload] of requests) {
    const request = { method, url, ...(payload && { payload }) }
    expect((await open.inject(request)).statusCode, url).toBe(200)
    expect((await closed.inject(request)).statusCode, url).toBe(401)
    const headers = { authorization: 'Bearer sk-right' }
    expect((await closed.inject({ ...request, headers })).statusCode, url).toBe(200)
  }
  expect((await closed.inject('/health')).statusCode).toBe(200)
  const cohere = { model: 'text-embedding-v4', input_type: 'clustering', texts: ['x'] }
  expect((await open.inject({ method: 'POST', url: '/v2/embed', payload: cohere })).statusCode).toBe(401)
})

test('health says no while draining, in words of TEI', async () => {
  const { app } = appWith({ isReady: false })
  const response = await app.inject('/health')
  expect([response.statusCode, response.json()]).toEqual([503, { error: 'unhealthy', error_type: 'Unhealthy' }])
})

test('similarity is the cosine with the source', async () => {
  const unit = (x: number, y: number) => ({ index: 0, tokens: 1, dense: Float32Array.of(x, y) })
  const embed: Embed = async (request, signal) => ({
    ...(await fakeEmbed(request, signal)),
    embeddings: [unit(1, 0), unit(0, 1), unit(-1, 0), unit(0.6, 0.8)],
  })
  const inputs = { source_sentence: 'a', sentences: ['b', 'c', 'd'] }
  const [first, second, third] = (await appWith({ embed }).post('/similarity', { inputs })).json()
  expect([first, second]).toEqual([0, -1])
  expect(third).toBeCloseTo(0.6, 6)
})

test('an Ollama request without input loads nothing and answers with no vectors', async () => {
  const { post } = appWith({ embed: () => Promise.reject(new Error('not to be called')) })
  const response = await post('/api/embed', { model: 'text-embedding-v4:latest' })
  expect(response.json()).toMatchObject({ model: 'text-embedding-v4:latest', embeddings: [], prompt_eval_count: 0 })
  expect((await post('/api/embeddings', { model: 'text-embedding-v4' })).json()).toEqual({ embedding: [] })
})

test('the dialects have limits of their own for the texts of a request', async () => {
  const { post } = appWith()
  const model = 'text-embedding-v4'
  const texts = (count: number) => Array(count).fill('a')
  expect((await post('/embed', { inputs: texts(32), dimensions: 64 })).json()).toHaveLength(32)
  const ollama = await post('/api/embed', { model, input: texts(100), dimensions: 64 })
  expect(ollama.json().embeddings).toHaveLength(100)
  const cohere = await post('/v2/embed', { model, input_type: 'clustering', texts: texts(96), output_dimension: 64 })
  expect(cohere.json().embeddings.float).toHaveLength(96)
  expect((await post(OPENAI, { model, input: texts(11) })).statusCode).toBe(400)
})

/** Send bytes on a connection of their own and read until the server closes it. */
async function rawAnswer(app: FastifyInstance, bytes: string): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** The id in the header and in the body's two places, when they are equal. */
function requestIdsOf(answer: string): string[] {
  const [, id = 'none'] = /x-request-id: (\S+)/.exec(answer) ?? []
  return answer.split(id).slice(1)
}

function deferred() {
  let resolve: (value: unknown) => void = () => {}
  const promise = new Promise((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

test('the policy for long texts can be chosen by header, and what was cut is said', async () => {
  const seen: string[] = []
  const { app, post } = appWith({
    embed: async (request, signal) => {
      seen.push(request.overlong)
      const result = await fakeEmbed(request, signal)
      const embeddings = result.embeddings.map((e) => (e.index === 1 ? e : { ...e, isTruncated: true as const }))
      return { ...result, embeddings }
    },
  })
  const body = { model: 'text-embedding-v4', input: ['a', 'b', 'c'] }
  const cut = await post(OPENAI, body, { 'x-quiver-overlong': 'truncate' })
  expect([cut.statusCode, cut.headers['x-quiver-truncated'], seen]).toEqual([200, '0,2', ['truncate']])
  const wrong = await post(OPENAI, body, { 'x-quiver-overlong': 'cut' })
  expect([wrong.statusCode, wrong.json().error.param]).toEqual([400, 'x-quiver-overlong'])
  const { payload, headers } = await app.inject({ url: '/metrics', headers: { authorization: 'Bearer k' } })
  expect(headers['content-type']).toContain('text/plain')
  expect(payload).toContain('quiver_truncated_inputs_total{model="text-embedding-v4"} 2')
  expect(payload).toContain('quiver_inputs_total{model="text-embedding-v4"} 3')
  expect(payload).toMatch(/quiver_http_request_seconds_count\{[^}]*status="400"\} 1/)
})

test('metrics tell about the traffic, so they need a key', async () => {
  const { app } = appWith()
  expect((await app.inject('/metrics')).statusCode).toBe(401)
})

test('compatible mode takes many texts only where the operator says so; the native side never does', async () => {
  const input = Array(30).fill('a')
  const strict = await appWith().post(OPENAI, { model: 'text-embedding-v4', input })
  expect([strict.statusCode, strict.json().error.message]).toEqual([400, expect.stringContaining('larger than 10')])
  const { post } = appWith({ isAutoSplit: true })
  expect((await post(OPENAI, { model: 'text-embedding-v4', input: input.slice(0, 30) })).json().data).toHaveLength(30)
  expect((await post(NATIVE, { model: 'text-embedding-v4', input: { texts: input } })).statusCode).toBe(400)
})

test.each([
  [true, 2048],
  [false, 10],
])('the list of models tells how many texts compatible mode takes: autoSplit %s', async (isAutoSplit, texts) => {
  const { app } = appWith({ isAutoSplit })
  const headers = { authorization: 'Bearer x' }
  const { quiver } = (await app.inject({ url: '/v1/models/text-embedding-v4', headers })).json()
  expect(quiver).toMatchObject({ maxInputs: 10, maxCompatibleInputs: texts })
  const { data } = (await app.inject({ url: '/v1/models', headers })).json()
  expect(data[0].quiver).toEqual(quiver)
})

test('a model that will go says so with every answer', async () => {
  const [v4] = new Catalog().list()
  const deprecation = { since: '2026-01-01', sunset: '2027-01-01', successor: 'text-embedding-v5' }
  const catalog = new Catalog(v4 === undefined ? [] : [{ ...v4, deprecation }])
  const { headers } = await appWith({ catalog }).post(OPENAI, { model: 'text-embedding-v4', input: 'a' })
  expect(headers.deprecation).toBe('@1767225600')
  expect(headers.sunset).toBe('Fri, 01 Jan 2027 00:00:00 GMT')
  expect(headers.link).toBe('</v1/models/text-embedding-v5>; rel="successor-version"')
})

test('engines that are down are named while the server is ready', async () => {
  const { app } = appWith({ enginesDown: ['my-qwen'] })
  const response = await app.inject('/readyz')
  expect([response.statusCode, response.json()]).toEqual([200, { status: 'ok', enginesDown: ['my-qwen'] }])
})

test('a model proves itself when it is asked to, by who has a key', async () => {
  const { app } = appWith({ keys: ['sk-test'] })
  const url = '/admin/models/text-embedding-v4/verify'
  expect((await app.inject(url)).statusCode).toBe(401)
  const headers = { authorization: 'Bearer sk-test' }
  const response = await app.inject({ url, headers })
  expect(response.json()).toEqual({
    model: 'text-embedding-v4',
    engine: 'builtin-text',
    ok: false,
    checks: [{ name: 'golden vectors', ok: false, detail: 'off' }],
    tookMs: expect.any(Number),
  })
  expect((await app.inject({ url: '/admin/models/none/verify', headers })).statusCode).toBe(404)
})

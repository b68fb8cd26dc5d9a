import { readFileSync } from 'node:fs'
import { ApiError, ERRORS, type ErrorName, statusOf } from '@quiver/protocol'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

/**
 * Every row of the server's table of errors, through the SDK: class, status, code, request id. A new row fails here until
 * it has a call that provokes it, or a reason in `unprovokable.json`.
 */
const REASONS: Record<string, Record<string, string>> = JSON.parse(
  readFileSync(new URL('../unprovokable.json', import.meta.url), 'utf8'),
)
const LONG = Array.from({ length: 10 }, (_, number) => number + '江'.repeat(8000))

const servers: Record<'open' | 'keyed' | 'small' | 'hasty', TestServer | undefined> = {
  open: undefined,
  keyed: undefined,
  small: undefined,
  hasty: undefined,
}

beforeAll(async () => {
  const [open, keyed, small, hasty] = await Promise.all([
    startServer(),
    startServer(['sk-right']),
    startServer([], { threads: 1, maxQueuedInputs: 1, maxBodyBytes: 1024 }),
    startServer([], { threads: 1, requestTimeoutMs: 100 }),
  ])
  Object.assign(servers, { open, keyed, small, hasty })
})

afterAll(async () => {
  await Promise.all(Object.values(servers).map((server) => server?.stop()))
})

/** The mistake in a request for embeddings, or what to do with a client instead. */
type Call = object | ((client: OpenAI) => Promise<unknown>)

const CALLS: Partial<Record<ErrorName, [server: keyof typeof servers, call: Call, path?: string]>> = {
  invalid_parameter: ['open', { dimensions: 100 }],
  invalid_body: ['open', (client) => client.post('/embeddings', { body: [] })],
  missing_model: ['open', { model: '' }],
  missing_input: ['open', { input: [] }],
  invalid_api_key: ['keyed', {}],
  model_not_found: ['open', { model: 'text-embedding-v99' }],
  not_found: ['open', {}, '/nothing'],
  method_not_allowed: ['open', (client) => client.get('/embeddings')],
  body_too_large: ['small', { input: 'x'.repeat(2000) }],
  unsupported_encoding: [
    'open',
    (client) =>
      client.embeddings.create({ model: 'text-embedding-v4', input: 'a' }, { headers: { 'content-encoding': 'gzip' } }),
  ],
  timed_out: ['hasty', { input: LONG }],
  overloaded: ['small', { input: ['一', '二', '三', '四'] }],
}

it('has a call or a reason for every row', () => {
  const excused = Object.keys(REASONS).filter((row) => ['*', 'openai-node'].some((key) => key in (REASONS[row] ?? {})))
  expect([...excused, ...Object.keys(CALLS)].toSorted()).toEqual(Object.keys(ERRORS).toSorted())
})

describe('the error', () => {
  const cases = Object.entries(CALLS) as [ErrorName, NonNullable<(typeof CALLS)[ErrorName]>][] // the keys are its own
  it.each(cases)('%s', async (row, [server, call, path = '']) => {
    const baseURL = `${servers[server]?.url}/compatible-mode/v1${path}`
    const client = new OpenAI({ apiKey: 'sk-test', baseURL, maxRetries: 0 })
    const asked =
      typeof call === 'function'
        ? call(client)
        : client.embeddings.create({ model: 'text-embedding-v4', input: 'a', ...call })
    const error = await asked.then(
      () => expect.fail('the call must fail'),
      (reason: unknown) => reason,
    )
    if (!(error instanceof OpenAI.APIError)) throw error
    const [, , type, code, isRetryable] = ERRORS[row]
    const status = statusOf(new ApiError(row, ''), 'openai')
    expect(error.constructor).toBe(classOf(status))
    expect([error.status, error.code, error.type]).toEqual([status, code, type])
    expect(error.requestID).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(error.headers?.get('x-should-retry')).toBe(String(isRetryable))
  })
})

/** The documented mapping of the SDK. */
function classOf(status: number): unknown {
  const named = new Map<number, unknown>([
    [400, OpenAI.BadRequestError],
    [401, OpenAI.AuthenticationError],
    [403, OpenAI.PermissionDeniedError],
    [404, OpenAI.NotFoundError],
    [409, OpenAI.ConflictError],
    [422, OpenAI.UnprocessableEntityError],
    [429, OpenAI.RateLimitError],
  ])
  return status >= 500 ? OpenAI.InternalServerError : (named.get(status) ?? OpenAI.APIError)
}

import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

const KEYS = ['sk-contract-one', 'sk-contract-two'] as const

let open: TestServer
let keyed: TestServer

beforeAll(async () => {
  ;[open, keyed] = await Promise.all([startServer(), startServer(KEYS)])
})

afterAll(async () => {
  await Promise.all([open.stop(), keyed.stop()])
})

describe('a mistake in the request', () => {
  const mistakes: [string, object, RegExp][] = [
    ['11 texts', { input: Array(11).fill('a') }, /should not be larger than 10\..*\b11\b/],
    [
      '26 texts for v1',
      { model: 'text-embedding-v1', input: Array(26).fill('a') },
      /should not be larger than 25\..*\b26\b/,
    ],
    ['an empty text', { input: '' }, /Range of input length should be \[1, 8192\]/],
    [
      'an empty text in a list for v2',
      { model: 'text-embedding-v2', input: ['好', ''] },
      /Range of input length should be \[1, 2048\]/,
    ],
    ['a text that is too long', { input: '江'.repeat(17_000) }, /Range of input length should be \[1, 8192\]/],
    ['tokens', { input: [1, 2, 3] }, /contents is neither str nor list of str/],
    ['token lists', { input: [[1, 2], [3]] }, /contents is neither str nor list of str/],
    ['a number among texts', { input: ['a', 1] }, /contents is neither str nor list of str/],
    ['an object', { input: { path: './texts_to_embedding.txt' } }, /contents is neither str nor list of str/],
    ['dimension 100', { dimensions: 100 }, /\b2048\b.*\b100\b|\b100\b.*\b2048\b/],
    ['dimension 2048 for v3', { model: 'text-embedding-v3', dimensions: 2048 }, /dimension/],
    ['a dimension in quotes', { dimensions: '1024' }, /dimensions/],
    ['an unknown encoding', { encoding_format: 'int8' }, /encoding_format/],
  ]

  it.each(mistakes)('is a BadRequestError: %s', async (_, mistake, message) => {
    const error = await refusal(open, mistake)
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect([error.status, error.code]).toEqual([400, 'InvalidParameter'])
    expect(error.message).toMatch(message)
  })

  it('is a BadRequestError that names the field and its limit for an empty list', async () => {
    const error = await refusal(open, { input: [] })
    expect([error.status, error.code]).toEqual([400, 'invalid_parameter_error'])
    expect(error.message).toMatch(/\binput\b.*\b10\b/)
  })

  it('is a NotFoundError when the model does not exist', async () => {
    const error = await refusal(open, { model: 'text-embedding-v99' })
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect([error.status, error.code]).toEqual([404, 'model_not_found'])
    expect(error.message).toContain('text-embedding-v99')
  })

  it('is not retried, so it is answered at once', async () => {
    let sent = 0
    const counting: typeof fetch = (url, init) => {
      sent += 1
      return fetch(url, init)
    }
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: `${open.url}/v1`, maxRetries: 2, fetch: counting })
    await expect(client.embeddings.create({ model: 'text-embedding-v4', input: '' })).rejects.toThrow()
    expect(sent).toBe(1)
  })
})

describe('a key', () => {
  it.each(KEYS)('is accepted when it is listed: %s', async (apiKey) => {
    const client = new OpenAI({ apiKey, baseURL: `${keyed.url}/compatible-mode/v1` })
    const { data } = await client.embeddings.create({ model: 'text-embedding-v4', input: 'a' })
    expect(data).toHaveLength(1)
  })

  it.each(['sk-wrong', `${KEYS[0]}x`, KEYS.join()])('is an AuthenticationError otherwise: %s', async (apiKey) => {
    const error = await refusal(keyed, {}, apiKey)
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError)
    expect([error.status, error.code, error.type]).toEqual([401, 'invalid_api_key', 'invalid_request_error'])
    expect(error.message).toContain('Incorrect API key provided')
    expect(error.message).not.toContain(apiKey)
  })
})

/** The error of a call that must fail; the parts all errors share are checked here. */
async function refusal(server: TestServer, mistake: object, apiKey = 'sk-test') {
  const client = new OpenAI({ apiKey, baseURL: `${server.url}/compatible-mode/v1`, maxRetries: 0 })
  const call = client.embeddings.create({ model: 'text-embedding-v4', input: 'a', ...mistake })
  const error = await call.then(
    () => expect.fail('the call must fail'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof OpenAI.APIError)) throw error
  expect(error.requestID).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect(error.headers?.get('content-type')).toMatch(/^application\/json/)
  return error
}

/**
 * What openai-node's own suite holds of embeddings and models, case by case under its names: v6.49.0,
 * `tests/api-resources/embeddings.test.ts` and `models.test.ts`. The suite is not in the npm package, so the cases are
 * written anew. Where it answers with recorded bytes, a server answers here; where it asks for what no embedding
 * server has (a language model, the end of a fine-tuned one), the name here says what comes instead.
 */
import OpenAI, { NotFoundError } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type TestServer } from './server.js'

const REQUEST = { input: 'The quick brown fox jumped over the lazy dog', model: 'text-embedding-3-small' }

let server: TestServer
let client: OpenAI
beforeAll(async () => {
  server = await startServer()
  const baseURL = `${server.url}/compatible-mode/v1`
  client = new OpenAI({ apiKey: 'My API Key', adminAPIKey: 'My Admin API Key', baseURL, maxRetries: 0 })
})
afterAll(() => server.stop())

/** What the client's methods return. */
interface Answering<Answer> extends Promise<Answer> {
  asResponse(): Promise<Response>
  withResponse(): Promise<{ data: Answer; response: Response }>
}

/** The three ways to an answer lead to the same one. */
async function expectOneAnswer<Answer>(promise: Answering<Answer>): Promise<Answer> {
  const rawResponse = await promise.asResponse()
  expect(rawResponse).toBeInstanceOf(Response)
  const answer = await promise
  expect(answer).not.toBeInstanceOf(Response)
  const { data, response } = await promise.withResponse()
  expect(data).toBe(answer)
  expect(response).toBe(rawResponse)
  return answer
}

describe('resource embeddings', () => {
  const embeddingOf = async (format?: 'float' | 'base64') => {
    const answer = await client.embeddings.create({ ...REQUEST, ...(format && { encoding_format: format }) })
    return answer.data[0]?.embedding
  }

  test('create: only required params', async () => {
    const answer = await expectOneAnswer(client.embeddings.create(REQUEST))
    expect(answer.data).toHaveLength(1)
  })

  test('create: required and optional params', async () => {
    const options = { dimensions: 1, encoding_format: 'float', user: 'user-1234' } as const
    const answer = await client.embeddings.create({ ...REQUEST, ...options })
    expect(answer.data[0]?.embedding).toHaveLength(1)
  })

  test('create: encoding_format=default should create float32 embeddings', async () => {
    const embedding = await embeddingOf()
    expect(Array.isArray(embedding)).toBe(true)
    // The client asked for base64 and decoded it: each number is exactly a float32.
    expect(embedding).toEqual(embedding?.map(Math.fround))
  })

  test('create: encoding_format=float should create float32 embeddings', async () => {
    const embedding = await embeddingOf('float')
    expect(Array.isArray(embedding)).toBe(true)
    // Digits of a float32, as the live API writes them; it is the one that base64 gave.
    expect(embedding?.map(Math.fround)).toEqual(await embeddingOf())
    for (const component of embedding ?? [])
      expect(String(component).replace(/^-?[0.]*|e.*$/g, '').length).toBeLessThan(10)
  })

  test('create: encoding_format=base64 should return base64 embeddings', async () => {
    const embedding: unknown = await embeddingOf('base64')
    expect(typeof embedding).toBe('string')
    expect(Buffer.from(String(embedding), 'base64').length % 4).toBe(0)
  })
})

describe('resource models', () => {
  test('retrieve', async () => {
    expect(await expectOneAnswer(client.models.retrieve(REQUEST.model))).toMatchObject({ id: REQUEST.model })
  })

  test('retrieve: the suite asks for gpt-4o-mini, which is not found', async () => {
    await expect(client.models.retrieve('gpt-4o-mini')).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
  })

  test('list', async () => {
    const { data } = await expectOneAnswer(client.models.list())
    expect(data.map(({ id }) => id)).toContain(REQUEST.model)
  })

  test('delete: there are no fine-tuned models, so it is not allowed', async () => {
    const promise = client.models.delete('ft:gpt-4o-mini:acemeco:suffix:abc123')
    await expect(promise).rejects.toMatchObject({ status: 405, code: 'method_not_allowed' })
    await expect(promise).rejects.not.toBeInstanceOf(NotFoundError)
  })
})

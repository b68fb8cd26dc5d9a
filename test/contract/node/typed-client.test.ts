import { QuiverClient, QuiverError } from '@quiver/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

it('gives the vectors in the order of the texts, with their space and cost', async () => {
  const client = new QuiverClient({ baseUrl: `${server.url}/` })
  const { vectors, totalTokens, space, requestId } = await client.embed(['风急天高', 'hello'], { dimension: 256 })
  const [alone] = (await client.embed('hello', { dimension: 256 })).vectors
  expect(vectors.map(({ length }) => length)).toEqual([256, 256])
  expect(vectors[1]).toEqual(alone)
  expect(totalTokens).toBeGreaterThan(1)
  expect(space).toMatch(/^[0-9a-f]{16}$/)
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
})

it('knows queries from documents', async () => {
  const client = new QuiverClient({ baseUrl: server.url })
  const [query] = (await client.embed('apple', { textType: 'query' })).vectors
  const [document] = (await client.embed('apple')).vectors
  expect(query).not.toEqual(document)
})

it('throws what the server answered', async () => {
  const client = new QuiverClient({ baseUrl: server.url })
  const failure = await client.embed('x', { model: 'none' }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(QuiverError)
  expect(failure).toMatchObject({
    status: 404,
    code: 'model_not_found',
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
})

it('gives up when its signal says so', async () => {
  const client = new QuiverClient({ baseUrl: server.url })
  await expect(client.embed('x', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
})

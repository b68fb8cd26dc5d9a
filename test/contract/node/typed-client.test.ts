import { QuiverClient, QuiverError } from '@quiver/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

let server: TestServer
let client: QuiverClient
beforeAll(async () => {
  server = await startServer()
  client = new QuiverClient({ baseUrl: `${server.url}/`, maxRetries: 0 })
})
afterAll(() => server.stop())

const VERSES = ['风急天高猿啸哀', '渚清沙白鸟飞回', '无边落木萧萧下', '不尽长江滚滚来']
const texts = (count: number) => Array.from({ length: count }, (_, position) => `${VERSES[position % 4]} ${position}`)

it('gives the vectors in the order of the texts, with their space and cost, however many there are', async () => {
  const { vectors, totalTokens, space, requestIds } = await client.embed(texts(23), { dimension: 256 })
  const last = await client.embed(texts(23).slice(22), { dimension: 256 })
  expect(vectors.map(({ length }) => length)).toEqual(Array(23).fill(256))
  expect(vectors[22]).toEqual(last.vectors[0])
  expect(space).toMatch(/^[0-9a-f]{16}$/)
  expect(space).toBe(last.space)
  expect(new Set(requestIds).size).toBe(3)
  for (const requestId of requestIds) expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
  const counts = await Promise.all(texts(23).map(async (text) => (await client.tokens(text)).length))
  expect(totalTokens).toBe(counts.reduce((sum, count) => sum + count, 0))
})

it('gives the same bits as JSON numbers do', async () => {
  const { vectors } = await client.embed('风急天高猿啸哀')
  const response = await fetch(`${server.url}/v1/embeddings`, {
    method: 'POST',
    headers: { authorization: 'Bearer any' },
    body: JSON.stringify({ model: 'text-embedding-v4', input: '风急天高猿啸哀', encoding_format: 'float' }),
  })
  const { data } = (await response.json()) as { data: { embedding: number[] }[] }
  expect(vectors[0]).toEqual(Float32Array.from(data[0]?.embedding ?? []))
})

it('gives sparse vectors, alone and beside the dense ones', async () => {
  const { vectors: dense } = await client.embed(VERSES, { dimension: 64 })
  const { vectors: sparse } = await client.embed(VERSES, { dimension: 64, outputType: 'sparse' })
  const { vectors: both } = await client.embed(VERSES, { dimension: 64, outputType: 'dense&sparse' })
  expect(both.map((vector) => vector.dense)).toEqual(dense)
  expect(both.map((vector) => vector.sparse)).toEqual(sparse)
  for (const { value } of sparse.flat()) expect(value).toBeGreaterThan(0)
})

it('knows queries from documents', async () => {
  const [query] = (await client.embed('apple', { textType: 'query', instruct: 'Find a fruit' })).vectors
  const [document] = (await client.embed('apple')).vectors
  expect(query).not.toEqual(document)
})

it('names the faulty text by its place among all of them, in either dialect', async () => {
  for (const outputType of ['dense', 'sparse'] as const) {
    const failure = await client.embed(texts(23).with(17, ' '), { outputType }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(QuiverError)
    expect(failure).toMatchObject({ status: 400, code: 'InvalidParameter', position: 17, param: 'texts[17]' })
    expect(String(failure)).toContain('texts[17] has no tokens')
  }
})

it('says of an empty list what the server says', async () => {
  await expect(client.embed([])).rejects.toMatchObject({ status: 400, code: 'invalid_parameter_error' })
})

it('throws what the server answered', async () => {
  for (const input of ['x', ['x', 'y']]) {
    const failure = await client.embed(input, { model: 'none' }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(QuiverError)
    expect(failure).toMatchObject({
      status: 404,
      code: 'model_not_found',
      isRetryable: false,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  }
})

it('cuts long texts only where that is asked for, and says which', async () => {
  const long = [...texts(11), VERSES.join('').repeat(400)]
  await expect(client.embed(long)).rejects.toMatchObject({ status: 400, position: 11 })
  const { truncated, vectors } = await client.embed(long, { overlong: 'truncate', dimension: 64 })
  expect(truncated).toEqual([11])
  expect(vectors).toHaveLength(12)
})

it('embeds a source of any length', async () => {
  let last = -1
  for await (const { position, text, vector } of client.embedAll(texts(31), { dimension: 64 })) {
    expect([position, text, vector.length]).toEqual([last + 1, texts(31)[position], 64])
    last = position
  }
  expect(last).toBe(30)
})

it('shows the models with their limits', async () => {
  const models = await client.models()
  const v4 = await client.model('text-embedding-v4')
  expect(models).toContainEqual(v4)
  expect(v4).toMatchObject({ limits: { maxInputs: 10, maxInputTokens: 8192, defaultDimension: 1024 } })
  expect(v4.createdAt).toEqual(new Date('2025-06-05T00:00:00Z'))
  await expect(client.model('none/such')).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
})

it('gives up when its signal says so', async () => {
  await expect(client.embed('x', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
})

it('embeds texts and pictures in one space, by their bytes', async () => {
  // 32 × 32 red pixels
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAMAAABEpIrGAAAAA1BMVEX/AAAZ4gk3AAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEklEQVQ4y2NgGAWjYBSMAuwAAAQgAAFWu83mAAAAAElFTkSuQmCC',
    'base64',
  )
  const { vectors, types, usage, space } = await client.embedMultimodal(['一张红色的图片', { image: png }])
  expect(types).toEqual(['text', 'image'])
  for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 4)
  expect(usage).toMatchObject({ image_count: 1, image_tokens: 896 })
  const alone = await client.embedMultimodal({ image: png })
  expect(alone.vectors[0]).toEqual(vectors[1])
  expect(alone.space).toBe(space)
  const failure = await client.embedMultimodal({ image: Buffer.from('no picture') }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(QuiverError)
  expect(String(failure)).toContain('input.contents[0].image')
})

import { once } from 'node:events'
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

const VERSES = ['风急天高猿啸哀', '渚清沙白鸟飞回', '无边落木萧萧下', '不尽长江滚滚来']

let server: TestServer
let openai: OpenAI
let directory: string

beforeAll(async () => {
  server = await startServer()
  openai = new OpenAI({ apiKey: 'sk-test', baseURL: `${server.url}/compatible-mode/v1`, maxRetries: 0 })
  directory = mkdtempSync(join(tmpdir(), 'quiver-contract-'))
  writeFileSync(join(directory, 'texts_to_embedding.txt'), `${VERSES.join('\n')}\n`)
})

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  await server.stop()
})

describe('the quick starts of the vendor with only the base URL changed', () => {
  it('embeds a string in the shortest program, which leaves the encoding to the SDK', async () => {
    const inputTexts = '衣服的质量杠杠的'
    const completion = await openai.embeddings.create({
      model: 'text-embedding-v4',
      input: inputTexts,
    })
    expectCompletion(JSON.parse(JSON.stringify(completion, null, 2)), { texts: 1 })
  })

  it('embeds a string', async () => {
    const completion = await openai.embeddings.create({
      model: 'text-embedding-v4',
      input: '衣服的质量杠杠的，很漂亮，不枉我等了这么久啊，喜欢，以后还来这里买',
      dimensions: 1024,
      encoding_format: 'float',
    })
    expectCompletion(completion, { texts: 1 })
  })

  it('embeds a list', async () => {
    const completion = await openai.embeddings.create({
      model: 'text-embedding-v4',
      input: ['风急天高猿啸哀', '渚清沙白鸟飞回', '无边落木萧萧下', '不尽长江滚滚来'],
      dimensions: 1024,
      encoding_format: 'float',
    })
    expectCompletion(completion, { texts: 4 })
    expect(new Set(completion.data.map(({ embedding }) => embedding.join())).size).toBe(4)
  })

  it('embeds a text file read as one string', async () => {
    const completion = await openai.embeddings.create({
      model: 'text-embedding-v4',
      input: readFileSync(join(directory, 'texts_to_embedding.txt'), 'utf8'),
      encoding_format: 'float',
    })
    expectCompletion(completion, { texts: 1 })
  })

  it('takes its settings from the environment', async () => {
    const { OPENAI_BASE_URL, OPENAI_API_KEY } = process.env
    Object.assign(process.env, { OPENAI_BASE_URL: `${server.url}/compatible-mode/v1`, OPENAI_API_KEY: 'sk-test' })
    try {
      const completion = await new OpenAI().embeddings.create({ model: 'text-embedding-v4', input: '衣服的质量杠杠的' })
      expectCompletion(completion, { texts: 1 })
    } finally {
      restore({ OPENAI_BASE_URL, OPENAI_API_KEY })
    }
  })

  it.each(['/compatible-mode/v1', '/compatible-mode/v1/', '/v1', '/v1/'])('answers under %s', async (root) => {
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: server.url + root })
    expectCompletion(await client.embeddings.create({ model: 'text-embedding-v4', input: 'a' }), { texts: 1 })
  })
})

describe('the encodings', () => {
  it.each([64, 1024, 2048])('carry the same bits in base64 and in numbers, %i of them', async (dimensions) => {
    const request = { model: 'text-embedding-v4', input: VERSES, dimensions }
    const numbers = await wireData({ ...request, encoding_format: 'float' })
    const encoded = await wireData({ ...request, encoding_format: 'base64' })
    expect(encoded).toHaveLength(4)
    encoded.forEach(({ embedding }, position) => {
      const bytes = Buffer.from(String(embedding), 'base64')
      const floats = Float32Array.from(numbers[position]?.embedding as number[])
      expect(bytes.toString('base64')).toBe(embedding)
      expect(bytes.equals(Buffer.from(floats.buffer))).toBe(true)
      expect(floats).toHaveLength(dimensions)
    })
  })

  it('give the caller who asks for none the vector, not an empty list', async () => {
    const byDefault = await openai.embeddings.create({ model: 'text-embedding-v4', input: VERSES })
    const asFloats = await openai.embeddings.create({
      model: 'text-embedding-v4',
      input: VERSES,
      encoding_format: 'float',
    })
    const rounded = asFloats.data.map(({ embedding }) => embedding.map(Math.fround))
    expect(byDefault.data.map(({ embedding }) => embedding)).toEqual(rounded)
    expect(rounded[0]).toHaveLength(1024)
  })

  async function wireData(body: object): Promise<{ embedding: unknown }[]> {
    const response = await fetch(`${server.url}/compatible-mode/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(200)
    return (await response.json()).data
  }
})

describe('the answer', () => {
  it('has the request id in the body, in the header, and on the SDK object', async () => {
    const { data, response, request_id } = await openai.embeddings
      .create({ model: 'text-embedding-v4', input: 'a' })
      .withResponse()
    const { id, _request_id } = data as unknown as { id: string; _request_id: string }
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect([response.headers.get('x-request-id'), request_id, _request_id]).toEqual([id, id, id])
    const again = await openai.embeddings.create({ model: 'text-embedding-v4', input: 'a' }).withResponse()
    expect(again.request_id).not.toBe(id)
  })

  it('counts tokens that add up', async () => {
    const alone = await Promise.all(
      VERSES.map(async (input) => (await openai.embeddings.create({ model: 'text-embedding-v4', input })).usage),
    )
    const { usage } = await openai.embeddings.create({ model: 'text-embedding-v4', input: VERSES })
    expect(usage.prompt_tokens).toBe(usage.total_tokens)
    expect(usage.total_tokens).toBe(alone.reduce((sum, { total_tokens }) => sum + total_tokens, 0))
    expect(Math.min(...alone.map(({ total_tokens }) => total_tokens))).toBeGreaterThan(0)
  })

  it('is in the order of the request, and a text has the same bits alone and in company', async () => {
    const together = await openai.embeddings.create({ model: 'text-embedding-v4', input: VERSES })
    const alone = await Promise.all(
      VERSES.map((input) => openai.embeddings.create({ model: 'text-embedding-v4', input })),
    )
    expect(together.data.map(({ embedding }) => embedding)).toEqual(alone.map(({ data }) => data[0]?.embedding))
  })

  it('keeps the vectors of fifty parallel calls apart', async () => {
    const texts = Array.from({ length: 50 }, (_, number) => `第${number}条：并发请求 ${number * number}`)
    const embed = async (input: string) =>
      (await openai.embeddings.create({ model: 'text-embedding-v4', input })).data[0]?.embedding ?? []
    const expected: number[][] = []
    for (const text of texts) expected.push(await embed(text))
    const parallel = await Promise.all(texts.map(embed))
    parallel.forEach((vector, position) => {
      const scores = expected.map((other) => dot(vector, other))
      expect(scores[position]).toBeCloseTo(1, 4)
      expect(scores.indexOf(Math.max(...scores))).toBe(position)
    })
  })

  it('lists the models and retrieves one', async () => {
    const { data } = await openai.models.list()
    const ids = data.map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining([1, 2, 3, 4].map((version) => `text-embedding-v${version}`)))
    const model = await openai.models.retrieve('text-embedding-v4')
    expect(model).toMatchObject({ id: 'text-embedding-v4', object: 'model' })
    expect(model).toMatchObject(data.find(({ id }) => id === 'text-embedding-v4') ?? { id: 'listed' })
  })
})

describe('a stream instead of text', () => {
  it('is an error and never a vector: JSON.stringify of a stream is an object', async () => {
    const stream = createReadStream(join(directory, 'texts_to_embedding.txt'))
    await once(stream, 'open')
    const call = openai.embeddings.create({ model: 'text-embedding-v4', input: stream as unknown as string })
    await expect(call).rejects.toThrow(OpenAI.BadRequestError)
    stream.destroy()
  })
})

function expectCompletion(completion: OpenAI.CreateEmbeddingResponse, { texts }: { texts: number }) {
  expect(completion.object).toBe('list')
  expect(completion.model).toBe('text-embedding-v4')
  expect(completion.data.map(({ index }) => index)).toEqual(Array.from({ length: texts }, (_, index) => index))
  for (const { embedding, object } of completion.data) {
    expect(object).toBe('embedding')
    expect(embedding).toHaveLength(1024)
    expect(dot(embedding, embedding)).toBeCloseTo(1, 3)
  }
  expect(completion.usage.prompt_tokens).toBeGreaterThan(0)
}

function dot(left: number[], right: number[]): number {
  return left.reduce((sum, value, position) => sum + value * (right[position] ?? Number.NaN), 0)
}

function restore(variables: Record<string, string | undefined>) {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}

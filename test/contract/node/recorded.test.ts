import { readdirSync, readFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

/** One request as an unmodified client sent it; see recorded/README.md. */
interface Recording {
  label: string
  method: string
  target: string
  headers: [name: string, value: string][]
  body: string
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  // Any JSON; each check below states the shape it needs.
  body: Record<string, never>
}

/** What a recording must be answered with; every file in the folder has a row. */
type Expectation =
  | { vectors: number; dimension: number; encoding?: 'float' | 'base64'; sparse?: true }
  | { error: string; status: number; message?: RegExp }
  | { types: string[]; dimension: number }
  | { models: true }

const FOLDER = new URL('../recorded/', import.meta.url)

const V4 = { dimension: 1024 }
const UNKNOWN_MODEL = { native: { status: 400, error: 'InvalidParameter', message: /^Model not exist\.$/ } }
const TOKENS = { status: 400, error: 'InvalidParameter', message: /contents is neither str nor list of str/ }
const BLANK_LINE = { status: 400, error: 'InvalidParameter', message: /Range of input length should be \[1, 8192\]/ }
const NO_MODEL = { status: 404, error: 'model_not_found' }

const NO_PICTURE = {
  status: 400,
  error: 'InvalidParameter.DataInspection',
  message: /\(input\.contents\[0\]\.image\)$/,
}
/** The recording server gave out URLs of uploads that were never made here. */
const NO_UPLOAD = { status: 400, error: 'InvalidURL', message: /\.image\)$/ }
/** There is nothing at these addresses of example.com, wherever the test runs. */
const NO_DOWNLOAD = {
  status: 400,
  error: 'BadRequest.InputDownloadFailed',
  message: /\(input\.contents\[\d\]\.(image|video|multi_images\[\d\])\)$/,
}

const EXPECTED: Record<string, Expectation> = {
  'java-dashscope--mm__01': NO_DOWNLOAD,
  'java-dashscope--mm-local__03': NO_UPLOAD,
  'java-dashscope--text-400__01': UNKNOWN_MODEL.native,
  'java-dashscope--text-ctor-url__01': { vectors: 1, ...V4 },
  'java-dashscope--text-list__01': { vectors: 2, ...V4 },
  'java-dashscope--text-params__01': { vectors: 1, dimension: 512, sparse: true },
  'node-openai--emb-bad__01': NO_MODEL,
  'node-openai--emb-base64__01': { vectors: 2, ...V4, encoding: 'base64' },
  'node-openai--emb-list-default__01': { vectors: 2, ...V4, encoding: 'base64' },
  'node-openai--emb-readfile__01': { vectors: 1, ...V4 },
  'node-openai--emb-str__01': { vectors: 1, ...V4 },
  'node-openai--emb-stream__01': TOKENS,
  'node-openai--env__01': NO_MODEL,
  'node-openai--models__01': { models: true },
  'py-dashscope1x--mm-base64__01': NO_PICTURE,
  'py-dashscope1x--mm-fusion__01': NO_DOWNLOAD,
  'py-dashscope1x--mm-items__01': { status: 400, error: 'InvalidParameter', message: /^input\.contents\[2\] must be/ },
  'py-dashscope1x--mm-local-image__03': NO_UPLOAD,
  'py-dashscope1x--mm-oss__01': NO_UPLOAD,
  'py-dashscope1x--mm-text__01': { types: ['text'], ...V4 },
  'py-dashscope1x--mm-video__01': NO_DOWNLOAD,
  'py-dashscope1x--models-list__01': { models: true },
  'py-dashscope1x--text-25__01': { status: 400, error: 'InvalidParameter', message: /should not be larger than 25\./ },
  'py-dashscope1x--text-400__01': UNKNOWN_MODEL.native,
  'py-dashscope1x--text-dimensions-kw__01': { vectors: 1, ...V4 },
  'py-dashscope1x--text-empty-list__01': { status: 400, error: 'BadRequest.EmptyInput' },
  'py-dashscope1x--text-file-binary__01': BLANK_LINE,
  'py-dashscope1x--text-file-textmode__01': BLANK_LINE,
  'py-dashscope1x--text-list__01': { vectors: 2, ...V4 },
  'py-dashscope1x--text-str__01': { vectors: 1, ...V4, sparse: true },
  'py-dashscope1x--text-workspace__01': { vectors: 1, ...V4 },
  'py-dashscope2--mm__03': NO_UPLOAD,
  'py-dashscope2--models__01': { models: true },
  'py-dashscope2--text-400__01': UNKNOWN_MODEL.native,
  'py-dashscope2--text-file__01': BLANK_LINE,
  'py-dashscope2--text__01': { vectors: 1, dimension: 512 },
  'py-openai--emb-bad__01': NO_MODEL,
  'py-openai--emb-file__01': BLANK_LINE,
  'py-openai--emb-filebin__01': TOKENS,
  'py-openai--emb-list__01': { vectors: 2, ...V4, encoding: 'base64' },
  'py-openai--emb-raw__01': { vectors: 1, ...V4, encoding: 'base64' },
  'py-openai--emb-str__01': { vectors: 1, ...V4 },
  'py-openai--emb-tokenlists__01': TOKENS,
  'py-openai--emb-tokens__01': TOKENS,
  'py-openai--env__01': NO_MODEL,
  'py-openai--models-get__01': { models: true },
  'py-openai--models-list__01': { models: true },
}

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(() => server.stop())

describe('recorded requests of the official clients', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))

  it('have an expectation each', () => {
    expect(files.map((file) => file.replace('.json', '')).sort()).toEqual(Object.keys(EXPECTED).sort())
  })

  it.each(files)('are answered as their client needs: %s', async (file) => {
    const recording: Recording = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'))
    const expected = EXPECTED[file.replace('.json', '')]
    if (expected === undefined) throw new Error(`${file} has no expectation`)
    const answer = await replay(recording)
    const isNative = recording.target.startsWith('/api/v1')

    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    expect(answer.headers['x-request-id']).toBeTruthy()
    if ('error' in expected) (isNative ? expectNativeError : expectCompatibleError)(answer, expected)
    else if ('types' in expected) expectContents(answer, expected)
    else if ('models' in expected) (isNative ? expectNativeModels : expectCompatibleModels)(answer, recording)
    else (isNative ? expectNativeVectors : expectCompatibleVectors)(answer, expected)
  })
})

/** Java reads `duration` as a number, and `embeddings` as a list. */
function expectContents(
  { status, headers, body }: Answer,
  { types, dimension }: Extract<Expectation, { types: string[] }>,
) {
  expect({ status, body }).toMatchObject({ status: 200 })
  expect(body.request_id).toBe(headers['x-request-id'])
  const { output, usage } = body as unknown as {
    output: { embeddings: { index: number; type: string; embedding: number[] }[] }
    usage: object
  }
  expect(output.embeddings.map(({ index, type }) => [index, type])).toEqual(types.map((type, index) => [index, type]))
  for (const { embedding } of output.embeddings) expectUnitVector(embedding, dimension)
  expect(usage).toEqual({ input_tokens: expect.any(Number), image_tokens: 0, image_count: 0, duration: 0 })
}

type Vectors = Extract<Expectation, { vectors: number }>
type Failure = Extract<Expectation, { error: string }>

/** Java casts `output` and `usage` to objects and fails without; Python needs `text_index` from 0 and numeric usage. */
function expectNativeVectors({ status, headers, body }: Answer, { vectors, dimension, sparse }: Vectors) {
  expect({ status, body }).toMatchObject({ status: 200 })
  expect(Object.keys(body).sort()).toEqual(['output', 'request_id', 'usage'])
  expect(body.request_id).toBe(headers['x-request-id'])
  const { output, usage } = body as unknown as { output: { embeddings: NativeItem[] }; usage: { total_tokens: number } }
  expect(usage.total_tokens).toBeGreaterThan(0)
  expect(output.embeddings.map(({ text_index }) => text_index)).toEqual(Array.from({ length: vectors }, (_, i) => i))
  for (const { embedding, sparse_embedding } of output.embeddings) {
    expectUnitVector(embedding, dimension)
    expect(Array.isArray(sparse_embedding)).toBe(sparse === true)
  }
}

interface NativeItem {
  text_index: number
  embedding: number[]
  sparse_embedding?: { index: number; value: number; token: string }[]
}

/** openai-node turns a float array into an empty vector where it asked for base64; .NET throws. */
function expectCompatibleVectors({ status, headers, body }: Answer, { vectors, dimension, encoding }: Vectors) {
  expect({ status, body }).toMatchObject({ status: 200, body: { object: 'list', model: 'text-embedding-v4' } })
  const { data, usage, id } = body as unknown as {
    data: { embedding: number[] | string; index: number; object: string }[]
    usage: { prompt_tokens: number; total_tokens: number }
    id: string
  }
  expect(id).toBe(headers['x-request-id'])
  expect(usage.prompt_tokens).toBe(usage.total_tokens)
  expect(usage.total_tokens).toBeGreaterThan(0)
  expect(data.map(({ index }) => index)).toEqual(Array.from({ length: vectors }, (_, i) => i))
  for (const { embedding, object } of data) {
    expect(object).toBe('embedding')
    expect(typeof embedding).toBe(encoding === 'base64' ? 'string' : 'object')
    expectUnitVector(typeof embedding === 'string' ? floatsOf(embedding) : embedding, dimension)
  }
}

function expectNativeError({ status, headers, body }: Answer, expected: Failure) {
  expect(Object.keys(body).sort()).toEqual(['code', 'message', 'request_id'])
  expect([status, body.code]).toEqual([expected.status, expected.error])
  expect(body.request_id).toBe(headers['x-request-id'])
  expect(body.message).toMatch(expected.message ?? /./)
}

function expectCompatibleError({ status, headers, body }: Answer, expected: Failure) {
  const { error, request_id } = body as unknown as {
    error: { message: string; type: string; param: string | null; code: string }
    request_id: string
  }
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type'])
  expect([status, error.code]).toEqual([expected.status, expected.error])
  expect(request_id).toBe(headers['x-request-id'])
  expect(error.message).toMatch(expected.message ?? /./)
}

/** Java and Python read the page below `output`. */
function expectNativeModels({ status, body }: Answer, { target }: Recording) {
  expect(status).toBe(200)
  const { output } = body as unknown as { output: { models: { model: string }[]; total: number } }
  expect(output).toMatchObject({
    page_no: 1,
    page_size: Number(new URLSearchParams(target.split('?')[1]).get('page_size')),
  })
  expect(output.models.map(({ model }) => model)).toContain('text-embedding-v4')
  expect(output.total).toBeGreaterThanOrEqual(output.models.length)
}

function expectCompatibleModels({ status, body }: Answer, { target }: Recording) {
  expect(status).toBe(200)
  const model = {
    id: 'text-embedding-v4',
    object: 'model',
    created: expect.any(Number),
    owned_by: expect.any(String),
    quiver: expect.any(Object),
  }
  if (target.endsWith('/text-embedding-v4')) expect(body).toEqual(model)
  else expect(body).toEqual({ object: 'list', data: expect.arrayContaining([model]) })
}

/** Send exactly the recorded headers, in their order and spelling; only the host is this server's. */
function replay({ method, target, headers, body }: Recording): Promise<Answer> {
  const { host, hostname, port } = new URL(server.url)
  const bytes = Buffer.from(body)
  const sent = headers.flatMap(([name, value]) => {
    if (name.toLowerCase() === 'host') return [name, host]
    if (name.toLowerCase() === 'content-length') return [name, String(bytes.length)]
    return [name, value]
  })
  return new Promise((settle, fail) => {
    const call = request({ hostname, port, method, path: target, headers: sent, setHost: false, agent: false })
    call.on('error', fail)
    call.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('error', fail)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        try {
          const answered = JSON.parse(Buffer.concat(chunks).toString())
          settle({ status: response.statusCode ?? 0, headers: response.headers, body: answered })
        } catch (error) {
          fail(error)
        }
      })
    })
    call.end(bytes)
  })
}

function expectUnitVector(vector: ArrayLike<number>, dimension: number) {
  expect(vector).toHaveLength(dimension)
  expect(Math.hypot(...Array.from(vector))).toBeCloseTo(1, 3)
}

function floatsOf(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64')
  expect(bytes.length % 4).toBe(0)
  return Float32Array.from({ length: bytes.length / 4 }, (_, position) => bytes.readFloatLE(position * 4))
}

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { QuiverClient } from './client.js'

/** A request as it came. */
interface Seen {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: string
}

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A client of a server that answers the n-th request with the n-th answer, and the last one from then on. */
async function clientOf(...answers: { status?: number; json?: unknown; bytes?: string }[]) {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer) // no encoding is set
    const { method = '', url: path = '', headers } = request
    seen.push({ method, path, headers, body: Buffer.concat(chunks).toString() })
    const { status = 200, json, bytes } = answers[Math.min(seen.length, answers.length) - 1] ?? {}
    response.writeHead(status, { 'content-type': 'application/json' }).end(bytes ?? JSON.stringify(json))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  const url = `http://127.0.0.1:${port}`
  return { client: new QuiverClient({ baseUrl: url, apiKey: 'sk-test' }), seen, url }
}

const task = (status: string, more: object = {}, usage: object = {}) => ({
  json: { request_id: 'r', output: { task_id: 't-1', task_status: status, ...more }, ...usage },
})
const batch = (status: string, more: object = {}) => ({
  json: {
    id: 'batch_1',
    status,
    input_file_id: 'file-batch-1',
    output_file_id: null,
    error_file_id: null,
    created_at: 1_735_113_344,
    request_counts: { total: 3, completed: 2, failed: 1 },
    errors: null,
    ...more,
  },
})
const BUSY = { status: 503, json: { error: { message: 'later', code: 'model_unavailable' } } }

test('a file goes up as a form and comes down as bytes', async () => {
  const object = { id: 'file-1', bytes: 5, filename: 'a.txt', purpose: 'user_data', created_at: 1_735_113_344 }
  const { client, seen } = await clientOf({ json: object }, { bytes: 'bytes' }, { json: { deleted: true } })
  expect(await client.files.upload(new Blob(['hello']), { filename: 'a.txt', purpose: 'user_data' })).toEqual({
    id: 'file-1',
    bytes: 5,
    filename: 'a.txt',
    purpose: 'user_data',
    createdAt: new Date(1_735_113_344_000),
  })
  expect(seen[0]).toMatchObject({ method: 'POST', path: '/v1/files' })
  expect(seen[0]?.body).toMatch(/name="purpose"[\s\S]*user_data[\s\S]*filename="a.txt"[\s\S]*hello/)
  expect(await new Response(await client.files.read('file-1')).text()).toBe('bytes')
  await client.files.delete('file/../1')
  expect(seen.slice(1).map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /v1/files/file-1/content',
    'DELETE /v1/files/file%2F..%2F1',
  ])
})

test('a submission that is tried again has the same key, so that it is one task', async () => {
  const { client, seen } = await clientOf(BUSY, task('PENDING'))
  expect(await client.tasks.submit({ url: 'oss://bucket/lines.txt' })).toEqual({ id: 't-1', status: 'PENDING' })
  const [first, second] = seen
  expect(first?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/)
  expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key'])
  expect(first?.headers).toMatchObject({
    authorization: 'Bearer sk-test',
    'x-dashscope-async': 'enable',
    'x-dashscope-ossresourceresolve': 'enable',
  })
  expect(JSON.parse(first?.body ?? '')).toEqual({
    model: 'text-embedding-async-v2',
    input: { url: 'oss://bucket/lines.txt' },
    parameters: { text_type: 'document' },
  })
})

test('a server that is away for a while is waited for, once it has told of the job', async () => {
  const { url } = await clientOf(batch('in_progress'), BUSY, BUSY, batch('completed'))
  expect(await new QuiverClient({ baseUrl: url, maxRetries: 0 }).batches.wait('batch_1')).toMatchObject({
    status: 'completed',
  })
  const silent = await clientOf(BUSY)
  const { batches } = new QuiverClient({ baseUrl: silent.url, maxRetries: 0 })
  await expect(batches.wait('batch_1')).rejects.toMatchObject({ code: 'model_unavailable' })
  const refusing = await clientOf(batch('in_progress'), { status: 404, json: { error: { message: 'No.' } } })
  await expect(refusing.client.batches.wait('batch_1')).rejects.toMatchObject({ status: 404 })
})

test('a task is waited for with its progress, and read without the key', async () => {
  const lines = { task_metrics: { TOTAL: 4, SUCCEEDED: 3, FAILED: 1 }, spaces: ['s'] }
  const metrics = { ...lines, lines_per_second: 2, seconds_left: 7 }
  const answers = [task('RUNNING', metrics), task('SUCCEEDED', {}, { usage: { total_tokens: 9 } })]
  const { client, seen, url } = await clientOf(...answers, { bytes: 'result' })
  const states: unknown[] = []
  const done = await client.tasks.wait('t-1', { onProgress: (state) => states.push(state) })
  expect(states[0]).toEqual({
    id: 't-1',
    status: 'RUNNING',
    lines: { total: 4, succeeded: 3, failed: 1 },
    spaces: ['s'],
    linesPerSecond: 2,
    secondsLeft: 7,
  })
  expect(done).toEqual({ id: 't-1', status: 'SUCCEEDED', totalTokens: 9 })
  const whole = { ...done, url: `${url}/results/1.txt.gz?Signature=x` }
  expect(await new Response(await client.tasks.read(whole)).text()).toBe('result')
  expect(seen.at(-1)?.path).toBe('/results/1.txt.gz?Signature=x')
  await expect(client.tasks.read(done)).rejects.toThrow('has no result')
})

test('a wait ends with its signal, and with the reason of that', async () => {
  const { client } = await clientOf(task('PENDING'))
  const stopped = new AbortController()
  const waiting = client.tasks.wait('t-1', {
    signal: stopped.signal,
    onProgress: () => stopped.abort(new Error('enough')),
  })
  await expect(waiting).rejects.toThrow('enough')
})

test('a task that failed says why; one that is too late to cancel is refused', async () => {
  const refusal = { status: 400, json: { code: 'UnsupportedOperation', message: 'Failed to cancel the task' } }
  const { client } = await clientOf(task('FAILED', { code: 'InvalidFile.TypeNotTxt', message: 'no' }), refusal)
  expect((await client.tasks.get('t-1')).fault).toEqual({ code: 'InvalidFile.TypeNotTxt', message: 'no' })
  await expect(client.tasks.cancel('t-1')).rejects.toMatchObject({ code: 'UnsupportedOperation' })
})

test('tasks are listed by status', async () => {
  const row = { task_id: 't-1', status: 'FAILED', model_name: 'm', gmt_create: 1000 }
  const { client, seen } = await clientOf({ json: { data: [row] } })
  expect(await client.tasks.list({ status: 'FAILED', limit: 5 })).toEqual([
    { id: 't-1', status: 'FAILED', model: 'm', createdAt: new Date(1000) },
  ])
  expect(seen[0]?.path).toBe('/api/v1/tasks?page_no=1&page_size=5&status=FAILED')
})

test('a batch is created once, waited for, and says what is wrong line by line', async () => {
  const errors = {
    data: [
      { code: 'duplicate_custom_id', message: 'twice', line: 2 },
      { code: 'x', message: 'y', line: null },
    ],
  }
  const { client, seen } = await clientOf(BUSY, batch('validating'), batch('in_progress'), batch('failed', { errors }))
  const { id } = await client.batches.create({ inputFileId: 'file-batch-1', metadata: { ds_name: 'nightly' } })
  expect(seen[1]?.headers['idempotency-key']).toBe(seen[0]?.headers['idempotency-key'])
  expect(JSON.parse(seen[1]?.body ?? '')).toEqual({
    input_file_id: 'file-batch-1',
    endpoint: '/v1/embeddings',
    completion_window: '24h',
    metadata: { ds_name: 'nightly' },
  })
  const states: string[] = []
  const done = await client.batches.wait(id, { onProgress: ({ status }) => states.push(status) })
  expect(states).toEqual(['in_progress', 'failed'])
  expect(done).toMatchObject({ lines: { total: 3, completed: 2, failed: 1 }, outputFileId: undefined })
  expect(done.faults).toEqual([
    { code: 'duplicate_custom_id', message: 'twice', line: 2 },
    { code: 'x', message: 'y', line: undefined },
  ])
})

test('batches are listed and cancelled', async () => {
  const { client, seen } = await clientOf({ json: { data: [batch('completed').json] } }, batch('cancelling'))
  expect((await client.batches.list({ limit: 1 })).map(({ id }) => id)).toEqual(['batch_1'])
  expect((await client.batches.cancel('batch_1')).status).toBe('cancelling')
  expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /v1/batches?limit=1',
    'POST /v1/batches/batch_1/cancel',
  ])
})

test('a batch tells what it used and how far its callback is; a list asks for some statuses', async () => {
  const more = { usage: { total_tokens: 9 }, callback: { status: 'delivered', failed_tries: 2 } }
  const { client, seen } = await clientOf({ json: { data: [batch('completed', more).json] } })
  expect(await client.batches.list({ statuses: ['completed', 'expired'] })).toMatchObject([
    { totalTokens: 9, callback: { status: 'delivered', failedTries: 2 } },
  ])
  expect(seen[0]?.path).toBe('/v1/batches?limit=20&status=completed%2Cexpired')
})

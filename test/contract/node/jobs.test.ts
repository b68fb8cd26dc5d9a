import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from '@photostructure/sqlite'
import OpenAI from 'openai'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

/** Batches through the SDK, and what no SDK does: repeated submissions, callbacks, cancelling too late. */

const SECRET = `whsec_${Buffer.from('a key of 24 bytes and more').toString('base64')}`

let server: TestServer
let receiver: { host: string; received: Promise<{ request: IncomingMessage; body: string }[]>; close(): void }

beforeAll(async () => {
  receiver = await receiveCallbacks(2)
  server = await startServer([], {
    callbackSecret: SECRET,
    egressAllow: receiver.host,
    jobSlots: 4,
    batchOutputDays: 7,
  })
})
afterAll(async () => {
  receiver.close()
  await server.stop()
})

/** Answers the first callback with an error, so that it must come again. */
async function receiveCallbacks(expected: number) {
  const all: { request: IncomingMessage; body: string }[] = []
  let done = (_all: typeof all) => {}
  const received = new Promise<typeof all>((resolve) => {
    done = resolve
  })
  const http = createServer(async (request, response) => {
    if (request.url === '/never') return
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer) // a request without an encoding yields buffers
    all.push({ request, body: Buffer.concat(chunks).toString() })
    response.statusCode = all.length === 1 ? 503 : 204
    response.end()
    if (all.length === expected) done(all)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo // a server that listens on TCP has one
  return { host: `127.0.0.1:${port}`, received, close: () => http.close().closeAllConnections() }
}

const clientFor = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${server.url}/compatible-mode/v1`, maxRetries: 0 })
const lineOf = (id: string, input: string) => ({
  custom_id: id,
  method: 'POST',
  url: '/v1/embeddings',
  body: { model: 'text-embedding-v4', input, dimensions: 64 },
})
const upload = async (client: OpenAI, lines: readonly object[]) => {
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  return (await client.files.create({ file: new File([text], 'batch.jsonl'), purpose: 'batch' })).id
}
const ended = async (client: OpenAI, id: string) => {
  for (;;) {
    const batch = await client.batches.retrieve(id)
    if (['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) return batch
    await sleep(50)
  }
}
/** A field beside those that the SDK knows. */
const callbackOf = async (client: OpenAI, id: string) =>
  ((await client.batches.retrieve(id)) as unknown as { callback: { status: string } }).callback
const submitTask = (body: object, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/api/v1/services/embeddings/text-embedding/text-embedding`, {
    method: 'POST',
    headers: { authorization: `Bearer sk-${randomUUID()}`, 'x-dashscope-async': 'enable', ...headers },
    body: JSON.stringify(body),
  })
const taskOf = async (id: string, headers: Record<string, string>) =>
  (await fetch(`${server.url}/api/v1/tasks/${id}`, { headers })).json()
/** Of the key of the test: its one batch, and its requests. */
function chargesBesides(batchId: string) {
  const database = new DatabaseSync(join(server.home ?? '', 'quiver.db'))
  const sum = database.prepare(
    `select coalesce(sum(tokens), 0) tokens, coalesce(sum(amount_nanos), 0) nanos, coalesce(sum(inputs), 0) inputs
     from ledger where (reference = ?) = ? and project = (select project from jobs where id = ?)`,
  )
  const [batch, requests] = [1, 0].map((isBatch) => sum.get(batchId, isBatch, batchId) as unknown as Sum) // its columns
  database.close()
  if (batch === undefined || requests === undefined) throw new Error('a sum is one row')
  return { batch, requests }
}
interface Sum {
  tokens: number
  nanos: number
  inputs: number
}
/** Batches in a state that the protocol does not tell from others. */
async function jobsIn(state: string): Promise<number> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { authorization: 'Bearer any' } })
  return Number(
    new RegExp(`^quiver_jobs\\{kind="batch",state="${state}"\\} (\\d+)$`, 'm').exec(await answer.text())?.[1] ?? 0,
  )
}
const TASK = { model: 'text-embedding-async-v2', input: { url: 'https://example.invalid/lines.txt' } }

describe('a batch', () => {
  it('is computed, and its end is told, signed, until somebody listens', async () => {
    const client = clientFor('sk-callback')
    const file = await upload(client, [lineOf('a', 'one'), lineOf('b', '')])
    const batch = await client.batches.create({
      input_file_id: file,
      endpoint: '/v1/embeddings',
      completion_window: '24h',
      metadata: { ds_name: 'told', ds_batch_finish_callback: `http://${receiver.host}/told` },
    })
    const done = await ended(client, batch.id)
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 2, completed: 1, failed: 1 } })
    const outputFile = await client.files.retrieve(done.output_file_id ?? '')
    expect((outputFile.expires_at ?? 0) - outputFile.created_at).toBe(7 * 24 * 3600)
    const output = await (await client.files.content(outputFile.id)).text()
    expect(JSON.parse(output).response.body.data[0].embedding).toHaveLength(64)
    const [, second] = await receiver.received
    const { headers } = second?.request ?? {}
    const body = second?.body ?? ''
    expect(JSON.parse(body)).toMatchObject({ id: batch.id, status: 'completed', output_file_id: done.output_file_id })
    // The official library, which takes its headers as one record.
    expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toMatchObject({ id: batch.id })
    while ((await callbackOf(client, batch.id)).status === 'pending') await sleep(50)
    expect(await callbackOf(client, batch.id)).toEqual({ status: 'delivered', failed_tries: 1 })
  })

  it.each(['not a url', '', 'ftp://example.com/', 'http://127.0.0.1:9/', 'http://192.168.1.1/', 'http://localhost/'])(
    'that asks for word at «%s» is refused, and the field is named',
    async (ds_batch_finish_callback) => {
      const client = clientFor('sk-no-callback')
      const created = client.batches.create({
        input_file_id: await upload(client, [lineOf('a', 'one')]),
        endpoint: '/v1/embeddings',
        completion_window: '24h',
        metadata: { ds_batch_finish_callback },
      })
      const param = 'metadata.ds_batch_finish_callback'
      await expect(created).rejects.toMatchObject({ status: 400, code: 'invalid_url', param })
    },
  )

  it('costs half of what its requests would', async () => {
    const client = clientFor('sk-half')
    const texts = ['风急天高猿啸哀', 'the same words, once as a request and once as a line']
    const file = await upload(
      client,
      texts.map((text, i) => lineOf(String(i), text)),
    )
    const batch = await client.batches.create({
      input_file_id: file,
      endpoint: '/v1/embeddings',
      completion_window: '24h',
    })
    const { id, usage } = await ended(client, batch.id)
    for (const input of texts) await client.embeddings.create({ model: 'text-embedding-v4', input, dimensions: 64 })
    // Charges of requests are in the database a moment after their answers.
    let charges = chargesBesides(id)
    while (charges.requests.tokens !== usage?.total_tokens) {
      await sleep(50)
      charges = chargesBesides(id)
    }
    expect(charges.batch).toMatchObject({ tokens: usage?.total_tokens, inputs: 2 })
    expect(charges.batch.nanos).toBeGreaterThan(0)
    expect(charges.batch.nanos * 2).toBe(charges.requests.nanos)
  })

  it('names the spaces of its vectors as requests do', async () => {
    const client = clientFor('sk-spaces')
    const batch = await client.batches.create({
      input_file_id: await upload(client, [lineOf('a', 'one'), lineOf('b', 'two')]),
      endpoint: '/v1/embeddings',
      completion_window: '24h',
    })
    const asked = await client.embeddings
      .create({ model: 'text-embedding-v4', input: 'one', dimensions: 64 })
      .withResponse()
    const space = asked.response.headers.get('x-quiver-space')
    expect(await ended(client, batch.id)).toMatchObject({ spaces: [space] })
  })

  it('of the test model: two of a caller run at a time', async () => {
    const client = clientFor('sk-two')
    const created = Array.from({ length: 3 }, () =>
      client.batches.create({
        input_file_id: `http://${receiver.host}/never`,
        endpoint: '/v1/chat/ds-test' as '/v1/embeddings', // the SDK's types do not know it
        completion_window: '24h',
      }),
    )
    const ids = (await Promise.all(created)).map((batch) => batch.id)
    while ((await jobsIn('planning')) < 2) await sleep(50)
    expect([await jobsIn('planning'), await jobsIn('queued')]).toEqual([2, 1])
    for (const id of ids) await client.batches.cancel(id)
  })

  it('that is cancelled names the lines it did not compute', async () => {
    const client = clientFor('sk-cancel')
    const lines = Array.from({ length: 3000 }, (_, i) => lineOf(String(i), `text ${i} ${'long '.repeat(400)}`))
    const batch = await client.batches.create({
      input_file_id: await upload(client, lines),
      endpoint: '/v1/embeddings',
      completion_window: '1d' as '24h', // the SDK's types know one window
    })
    while ((await client.batches.retrieve(batch.id)).status === 'validating') await sleep(20)
    expect((await client.batches.cancel(batch.id)).status).toBe('cancelling')
    const done = await ended(client, batch.id)
    expect(done.status).toBe('cancelled')
    const { completed = 0, failed = 0 } = done.request_counts ?? {}
    expect(completed + failed).toBe(3000)
    const errors = await (await client.files.content(done.error_file_id ?? '')).text()
    expect(errors.trimEnd().split('\n')).toHaveLength(failed)
    expect(JSON.parse(errors.split('\n')[0] ?? '')).toMatchObject({
      response: null,
      error: { code: 'batch_cancelled' },
    })
    await expect(client.batches.cancel(batch.id)).rejects.toMatchObject({ status: 400, code: 'unsupported_operation' })
  }, 120_000)
})

describe('the policy for texts that are too long', () => {
  const LONG = 'long '.repeat(9000)
  const headers = (overlong: string) => ({ 'x-quiver-overlong': overlong })

  it('is chosen for a batch as for a request, and what was cut is what is charged', async () => {
    const client = clientFor('sk-overlong')
    const body = {
      input_file_id: await upload(client, [lineOf('a', LONG)]),
      endpoint: '/v1/embeddings' as const,
      completion_window: '24h' as const,
    }
    const refused = await ended(client, (await client.batches.create(body)).id)
    expect(refused).toMatchObject({ request_counts: { completed: 0, failed: 1 }, usage: { total_tokens: 0 } })
    const cut = await client.batches.create(body, { headers: headers('truncate') })
    expect(await ended(client, cut.id)).toMatchObject({
      request_counts: { completed: 1, failed: 0 },
      usage: {
        input_tokens: 8192,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 0,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 8192,
      },
    })
    const unknown = client.batches.create(body, { headers: headers('shorten') })
    await expect(unknown).rejects.toMatchObject({ status: 400, param: 'x-quiver-overlong' })
  })

  it('is chosen for a task, and is part of what a key repeats', async () => {
    const client = clientFor('sk-overlong-task')
    const file = await client.files.create({ file: new File([LONG], 'long.txt'), purpose: 'user_data' })
    const own = { authorization: 'Bearer sk-overlong-task', 'idempotency-key': 'k' }
    const body = { model: TASK.model, input: { url: file.id } }
    const { output } = await (await submitTask(body, { ...own, ...headers('truncate') })).json()
    let task = await taskOf(output.task_id, own)
    while (['PENDING', 'RUNNING'].includes(task.output.task_status)) {
      await sleep(50)
      task = await taskOf(output.task_id, own)
    }
    expect(task).toMatchObject({ output: { task_metrics: { SUCCEEDED: 1 } }, usage: { total_tokens: 2048 } })
    expect((await submitTask(body, { ...own, ...headers('error') })).status).toBe(422)
    expect((await submitTask(body, headers('shorten'))).status).toBe(400)
  })
})

describe('a task of a file that is not there', () => {
  it.each([
    ['file-fe-0123456789abcdef', 404, 'NotFound'],
    ['oss://dashscope-instant/x/2026-01-01/x/lines.txt', 400, 'InvalidURL'],
  ])('%s is refused at once', async (url, status, code) => {
    const answer = await submitTask({ model: TASK.model, input: { url } })
    expect([answer.status, (await answer.json()).code]).toEqual([status, code])
  })

  it('is refused in the same words when the file is another key’s', async () => {
    const file = await clientFor('sk-owner').files.create({ file: new File(['a'], 'a.txt'), purpose: 'user_data' })
    const answer = await submitTask({ model: TASK.model, input: { url: file.id } })
    expect(answer.status).toBe(404)
  })
})

describe('a submission under an Idempotency-Key', () => {
  it('is one batch however often and however fast it is repeated', async () => {
    const client = clientFor('sk-race')
    const body = {
      input_file_id: await upload(client, [lineOf('a', 'one')]),
      endpoint: '/v1/embeddings' as const,
      completion_window: '24h' as const,
    }
    const options = { headers: { 'Idempotency-Key': 'only once' } }
    const batches = await Promise.all(Array.from({ length: 100 }, () => client.batches.create(body, options)))
    expect(new Set(batches.map(({ id }) => id)).size).toBe(1)
    expect((await client.batches.list()).data).toHaveLength(1)
    const other = client.batches.create({ ...body, metadata: { ds_name: 'other' } }, options)
    await expect(other).rejects.toMatchObject({ status: 422, code: 'idempotency_conflict' })
  })

  it('is one task, and does not count against the rate', async () => {
    const headers = { authorization: 'Bearer sk-task-race', 'idempotency-key': 'k' }
    const [first, second] = [await submitTask(TASK, headers), await submitTask(TASK, headers)]
    expect([first.status, second.status]).toEqual([200, 200])
    const idOf = async (answer: Response) => (await answer.json()).output.task_id
    expect(await idOf(second)).toBe(await idOf(first))
    const { authorization } = headers
    const refused = await submitTask(TASK, { authorization })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await refused.json()).toMatchObject({ code: 'Throttling.RateQuota' })
  })

  it.each(['', 'x'.repeat(256)])('with an impossible key is refused', async (key) => {
    const answer = await submitTask(TASK, { 'idempotency-key': key })
    expect([answer.status, (await answer.json()).code]).toEqual([400, 'InvalidParameter'])
  })
})

describe('a model for tasks', () => {
  it('answers no request for vectors, in the words of either dialect', async () => {
    const refused = clientFor('sk').embeddings.create({ model: 'text-embedding-async-v2', input: 'a' })
    await expect(refused).rejects.toMatchObject({ status: 404, code: 'model_not_supported' })
    const native = await submitTask({ model: TASK.model, input: { texts: ['a'] } }, { 'x-dashscope-async': 'disable' })
    expect([native.status, (await native.json()).code]).toEqual([403, 'AccessDenied'])
  })

  it.each([
    [{ input: TASK.input }, 'BadRequest.EmptyModel'],
    [{ model: TASK.model }, 'BadRequest.EmptyInput'],
    [{ model: TASK.model, input: {} }, 'InvalidURL'],
    [{ model: TASK.model, input: { url: 7 } }, 'InvalidURL'],
    [{ model: TASK.model, input: { url: 'ftp://example.com/a.txt' } }, 'InvalidURL'],
    [{ model: 'text-embedding-v99', input: TASK.input }, 'InvalidParameter'],
  ])('refuses %j', async (body, code) => {
    const answer = await submitTask(body)
    expect([answer.status, (await answer.json()).code]).toEqual([400, code])
  })
})

describe('the list of tasks', () => {
  const list = async (query: string) => {
    const headers = { authorization: 'Bearer sk-task-race' }
    const answer = await fetch(`${server.url}/api/v1/tasks/?${query}`, { headers })
    return { status: answer.status, body: await answer.json() }
  }

  it('takes times in either form, and no others', async () => {
    const now = Date.now()
    expect((await list(`start_time=${now - 60_000}&end_time=${now + 1000}`)).body.total).toBe(1)
    expect((await list('start_time=20230420000000&end_time=20230421000000')).body.total).toBe(0)
    expect((await list('start_time=yesterday')).status).toBe(400)
    expect((await list('start_time=20230420000000&end_time=20230422000000')).status).toBe(400)
    expect((await list('status=DONE')).status).toBe(400)
    expect((await list('page_size=101')).status).toBe(400)
    expect((await list('region=cn-beijing')).body.total).toBe(0)
    expect((await list('page_no=&status=')).body.total).toBe(1)
  })

  it('knows one task by its id, and those of one key', async () => {
    const [{ task_id, api_key_id }] = (await list('')).body.data
    expect((await list(`task_id=${task_id}`)).body.data).toMatchObject([{ task_id, api_key_id }])
    expect((await list(`task_id=${randomUUID()}`)).body.data).toEqual([])
    expect((await list(`api_key_id=${api_key_id}`)).body.total).toBe(1)
    expect((await list(`api_key_id=${api_key_id}0`)).body.total).toBe(0)
  })
})

describe('the list of batches', () => {
  it('takes the files, and times in either form', async () => {
    const client = clientFor('sk-batch-list')
    const files = [await upload(client, [lineOf('a', 'one')]), await upload(client, [lineOf('b', 'two')])]
    const batches: string[] = []
    for (const input_file_id of files) {
      const batch = { input_file_id, endpoint: '/v1/embeddings', completion_window: '24h' } as const
      batches.unshift((await client.batches.create(batch)).id)
    }
    const ids = async (query: Record<string, string>) =>
      (await client.batches.list(undefined, { query })).data.map(({ id }) => id)
    expect(await ids({ input_file_ids: files.join(',') })).toEqual(batches)
    expect(await ids({ input_file_ids: files[1] ?? '' })).toEqual([batches[0]])
    expect(await ids({ input_file_ids: 'file-batch-0' })).toEqual([])
    const china = (ms: number) => new Date(ms + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(0, 14)
    const [before, after] = [Date.now() - 60_000, Date.now() + 60_000]
    expect(await ids({ create_after: china(before), create_before: china(after) })).toEqual(batches)
    expect(await ids({ create_after: String(Math.floor(before / 1000)) })).toEqual(batches)
    expect(await ids({ create_after: china(after) })).toEqual([])
    expect(await ids({ create_before: china(before) })).toEqual([])
    await expect(ids({ create_after: 'yesterday' })).rejects.toMatchObject({ status: 400 })
  })
})

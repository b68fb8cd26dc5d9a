import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

/** The server's clock, put forward by as many milliseconds as it is told. */
const CLOCK = `
  const RealDate = Date
  let shiftMs = 0
  globalThis.Date = class extends RealDate {
    constructor(...parts) {
      super(...(parts.length === 0 ? [RealDate.now() + shiftMs] : parts))
    }
    static now() {
      return RealDate.now() + shiftMs
    }
  }
  process.on('message', (message) => { shiftMs = message.shiftMs })
`
const LINES = 3000

let server: TestServer
let client: OpenAI
beforeAll(async () => {
  const clock = `data:text/javascript,${encodeURIComponent(CLOCK)}`
  server = await startServer([], { jobSlots: 1 }, ['--import', clock])
  client = new OpenAI({ apiKey: 'sk-expired', baseURL: `${server.url}/compatible-mode/v1`, maxRetries: 0 })
})
afterAll(() => server.stop())

it('a batch whose window is over has what was computed by then, and says of every other line that it was not', async () => {
  const lines = Array.from({ length: LINES }, (_, i) => {
    // The first shard is soon computed, the others are not.
    const input = i < 1000 ? `text ${i}` : `text ${i} ${'long '.repeat(2000)}`
    const body = { model: 'text-embedding-v4', input, dimensions: 64 }
    return JSON.stringify({ custom_id: String(i), method: 'POST', url: '/v1/embeddings', body })
  })
  const file = await client.files.create({ file: new File([lines.join('\n')], 'batch.jsonl'), purpose: 'batch' })
  const { id } = await client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/embeddings',
    completion_window: '24h',
  })
  while (((await client.batches.retrieve(id)).request_counts?.completed ?? 0) < 1000) await sleep(50)
  server.process?.send({ shiftMs: 24.1 * 3_600_000 })
  let batch = await client.batches.retrieve(id)
  while (!['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) {
    await sleep(100)
    batch = await client.batches.retrieve(id)
  }
  expect(batch.status).toBe('expired')
  expect(batch.expired_at).toBeGreaterThanOrEqual(batch.expires_at ?? Number.POSITIVE_INFINITY)
  const { total, completed = 0, failed = 0 } = batch.request_counts ?? {}
  expect([total, completed + failed]).toEqual([LINES, LINES])
  expect(failed).toBeGreaterThan(0)
  const rowsOf = async (fileId: string | null | undefined) =>
    (await (await client.files.content(fileId ?? '')).text())
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row))
  const output = await rowsOf(batch.output_file_id)
  const errors = await rowsOf(batch.error_file_id)
  expect([output.length, errors.length]).toEqual([completed, failed])
  expect(new Set(errors.map(({ error, response }) => `${error.code} ${response}`))).toEqual(
    new Set(['batch_expired null']),
  )
  const ids = [...output, ...errors].map(({ custom_id }) => Number(custom_id)).sort((one, other) => one - other)
  expect(ids).toEqual(Array.from({ length: LINES }, (_, i) => i))
}, 180_000)

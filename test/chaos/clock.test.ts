import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasFaketime, type OnWrongClock, openOnWrongClock } from './clock-jumps.js'
import { configFor, startStandIn } from './stand-in.js'

const KEY = { authorization: 'Bearer sk-clock' }

describe.skipIf(!hasFaketime())('a clock, moved by libfaketime, that is a day wrong', () => {
  let model: Awaited<ReturnType<typeof startStandIn>>
  let servers: OnWrongClock
  let isHeld = false
  beforeAll(async () => {
    model = await startStandIn(0, () => isHeld)
    servers = await openOnWrongClock({}, configFor(model.url))
  }, 120_000)
  afterAll(async () => {
    await servers.remove()
    model.close()
  })

  // biome-ignore lint/suspicious/noExplicitAny: answers of the server under test, whose shapes its own tests hold
  const call = async (path: string, init: RequestInit = {}): Promise<any> =>
    (await fetch(`${servers.url}${path}`, { ...init, headers: { ...KEY, ...init.headers } })).json()
  const upload = async (purpose: string, name: string, content: string): Promise<string> => {
    const form = new FormData()
    form.set('purpose', purpose)
    form.set('file', new Blob([content]), name)
    return (await call('/v1/files', { method: 'POST', body: form })).id
  }
  const submit = async (url: string) => {
    const body = JSON.stringify({ model: 'text-embedding-async-v2', input: { url } })
    const path = '/api/v1/services/embeddings/text-embedding/text-embedding'
    return call(path, { method: 'POST', headers: { 'x-dashscope-async': 'enable' }, body })
  }
  const taskAs = async (id: string, status: string) => {
    for (;;) {
      const { output } = await call(`/api/v1/tasks/${id}`)
      if (output.task_status === status) return output
      if (output.task_status === 'FAILED') throw new Error(JSON.stringify(output))
      await sleep(100)
    }
  }

  test('a task, its result and its place in the list end a day after, and not before', async () => {
    const id = (await submit(await upload('user_data', 'lines.txt', 'one\ntwo\n'))).output.task_id
    const { url } = await taskAs(id, 'SUCCEEDED')
    servers.setClock(23)
    expect((await fetch(url)).status).toBe(200)
    expect((await call(`/api/v1/tasks/${id}`)).output.task_status).toBe('SUCCEEDED')
    servers.setClock(24.1)
    expect((await fetch(url)).status).toBe(403)
    expect((await call(`/api/v1/tasks/${id}`)).output.task_status).toBe('UNKNOWN')
    servers.setClock(0)
  }, 120_000)

  test('put back by a day, it takes tasks, computes them and shows them', async () => {
    const file = await upload('user_data', 'lines.txt', 'one\ntwo\n')
    await sleep(1000) // one task a second is taken
    await taskAs((await submit(file)).output.task_id, 'SUCCEEDED')
    servers.setClock(-24)
    const answer = await submit(file) // the last one was not less than a second ago, though it comes in a day
    await taskAs(answer.output.task_id, 'SUCCEEDED')
    const { data } = await call('/api/v1/tasks')
    expect(data.map((task: { task_id: string }) => task.task_id)).toContain(answer.output.task_id)
    servers.setClock(0)
  }, 120_000)

  test('a batch whose window is over expires with every line answered, one with a longer window goes on', async () => {
    const line = (i: number) =>
      `${JSON.stringify({ custom_id: `${i}`, method: 'POST', url: '/v1/embeddings', body: { model: 'text-embedding-v4', input: `${i}` } })}\n`
    const input_file_id = await upload('batch', 'batch.jsonl', Array.from({ length: 20 }, (_, i) => line(i)).join(''))
    const create = (completion_window: string) =>
      call('/v1/batches', {
        method: 'POST',
        body: JSON.stringify({ input_file_id, endpoint: '/v1/embeddings', completion_window }),
      })
    const statusOf = async (id: string) => {
      for (;;) {
        const batch = await call(`/v1/batches/${id}`)
        if (['completed', 'expired', 'failed'].includes(batch.status)) return batch
        await sleep(100)
      }
    }
    const done = await statusOf((await create('24h')).id)
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 20, completed: 20, failed: 0 } })
    isHeld = true
    const [short, long] = [await create('24h'), await create('336h')]
    while ((await call(`/v1/batches/${short.id}`)).status === 'validating') await sleep(50)
    servers.setClock(24.1)
    const expired = await statusOf(short.id)
    expect(expired).toMatchObject({
      status: 'expired',
      output_file_id: null,
      request_counts: { completed: 0, failed: 20 },
    })
    const errors = await fetch(`${servers.url}/v1/files/${expired.error_file_id}/content`, { headers: KEY })
    const rows = (await errors.text()).trimEnd().split('\n')
    expect(rows.map((row) => JSON.parse(row).error.code)).toEqual(Array(20).fill('batch_expired'))
    isHeld = false
    expect((await statusOf(long.id)).status).toBe('completed')
    expect(await call(`/v1/batches/${done.id}`)).toMatchObject({ status: 'completed' }) // kept for a month
    servers.setClock(0)
  }, 120_000)
})

import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '@quiver/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Catalog } from '../../catalog/catalog.js'
import { createTaskLines } from '../../http/dashscope/task-lines.js'
import { backoffMs } from '../../jobs/backoff.js'
import type { Job, Notice } from '../../jobs/job.js'
import type { JobStore } from '../../jobs/job-store.js'
import { signedResult } from '../../jobs/publishers.js'
import { type Runner, startRunner } from '../../jobs/runner.js'
import { createLog } from '../../telemetry/log.js'
import { createDiskBlobStore } from '../disk/blob-store.js'
import { createSqlJobStore } from '../sql/job-store.js'
import { openSqlite } from './database.js'

const START = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let folder: string
let store: JobStore
let now: Date
let tries: Date[]
let runner: Runner
let close: () => Promise<void>

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quiver-notices-'))
  const database = await openSqlite(join(folder, 'quiver.db'))
  store = createSqlJobStore(database)
  now = new Date(START)
  tries = []
  close = () => database.destroy()
})
afterEach(async () => {
  await runner.close()
  await close()
  rmSync(folder, { recursive: true })
})

/** A process that works on jobs, and whose word of their end arrives from the instant `heardFrom` on. */
function run(heardFrom: Date): void {
  const rules = {
    format: createTaskLines(new Catalog()),
    publisher: signedResult,
    keptMs: 30 * DAY_MS,
    wantsNotice: () => true,
    async notify() {
      tries.push(now)
      if (now < heardFrom) throw new ApiError('download_failed', 'its server answered with status 404')
    },
  }
  runner = startRunner({
    store,
    blobs: createDiskBlobStore(join(folder, 'blobs')),
    embed: async () => {
      throw new TypeError('nothing is computed here')
    },
    openInput: async () => ({
      name: 'lines.txt',
      body: (async function* () {
        yield Buffer.from('\n')
      })(),
    }),
    rules: { task: rules, batch: rules },
    holder: randomUUID(),
    slots: 1,
    leaseMs: 30_000,
    pollMs: 1,
    now: () => now,
    backoffMs: (failures, stage) => backoffMs(failures, { stage, random: () => 1 }),
    log: createLog('silent'),
  })
}

async function submit(): Promise<Job> {
  const [createdAt, expiresAt] = [now, new Date(now.getTime() + DAY_MS)]
  const options = { textType: 'document', requestId: 'r', isOssAllowed: false }
  const lane = { name: 'lane', limit: 3 }
  const job = { id: randomUUID(), project: 'p', keyId: 'k', kind: 'task', source: 'file', options, lane } as const
  return store.submit(
    { ...job, model: 'text-embedding-async-v2', createdAt, expiresAt },
    { maxOpen: 100, minIntervalMs: 0, maxBytes: 1e12 },
  )
}

const noticeOf = async ({ project, kind, id }: Job): Promise<Notice | undefined> =>
  (await store.find(project, kind, id))?.notice

/** Let the time pass, as far as the next try, until the word has arrived or is given up. */
async function untilSettled(job: Job): Promise<Notice> {
  for (;;) {
    const seen = tries.length
    for (let i = 0; i < 100 && tries.length === seen; i++) {
      const notice = await noticeOf(job)
      if (notice !== undefined && notice.state !== 'waiting') return notice
      await sleep(1)
    }
    if (tries.length === seen) now = new Date(now.getTime() + 10 * 60_000)
  }
}

test('a receiver that is away for hours, and a server that starts anew meanwhile, cost no word', async () => {
  run(new Date(START + 300 * DAY_MS))
  const job = await submit()
  while (tries.length < 3) {
    await sleep(1)
    now = new Date(now.getTime() + 1000)
  }
  await runner.close()
  run(new Date(START + 5 * HOUR_MS))
  expect(await untilSettled(job)).toMatchObject({ state: 'told' })
  expect(tries.at(-1)?.getTime()).toBeLessThanOrEqual(START + 6.5 * HOUR_MS)
}, 120_000)

test('who never listens is given up after a day', async () => {
  run(new Date(START + 300 * DAY_MS))
  const job = await submit()
  expect(await untilSettled(job)).toEqual({ state: 'given_up', failures: tries.length - 1 })
  expect(tries.length).toBeGreaterThan(20)
  expect(tries.length).toBeLessThan(50)
  expect(tries.at(-1)?.getTime()).toBeGreaterThanOrEqual(START + DAY_MS)
  expect(tries.at(-1)?.getTime()).toBeLessThanOrEqual(START + DAY_MS + 1.5 * HOUR_MS)
}, 120_000)

import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { ApiError } from '@quiver/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Catalog } from '../../catalog/catalog.js'
import type { Embed } from '../../embedding/embed.js'
import type { BlobStore } from '../../files/blob-store.js'
import { createTaskLines } from '../../http/dashscope/task-lines.js'
import { createAftermathOf } from '../../jobs/aftermath.js'
import { expireAndForget, sweepBlobs } from '../../jobs/housekeeping.js'
import type { Job } from '../../jobs/job.js'
import type { JobStore } from '../../jobs/job-store.js'
import type { LineFormat } from '../../jobs/line-format.js'
import { signedResult } from '../../jobs/publishers.js'
import { type JobRules, type Runner, type RunnerOptions, startRunner } from '../../jobs/runner.js'
import { createLog } from '../../telemetry/log.js'
import type { Ledger } from '../../usage/ledger.js'
import { createDiskBlobStore } from '../disk/blob-store.js'
import { createSqlJobStore } from '../sql/job-store.js'
import { createSqlLedger } from '../sql/ledger.js'
import { openSqlite } from './database.js'

const { signal } = new AbortController()
const MODEL = 'text-embedding-async-v2'
const DAY_MS = 24 * 3600 * 1000

/** A token a character; the vector is made of the text. */
const fakeEmbed: Embed = async ({ inputs, model }) => {
  const embeddings = inputs.map((text, index) => {
    const [a = 0, b = 0] = createHash('sha256').update(text).digest()
    return { index, dense: Float32Array.of(a, b), tokens: [...text].length }
  })
  const totalTokens = embeddings.reduce((sum, { tokens }) => sum + tokens, 0)
  return { model: model.id, embeddings, totalTokens, space: 'space', engineSpace: 'engine' }
}

let folder: string
let blobs: BlobStore
let store: JobStore
let ledger: Ledger
let runners: Runner[]
let closers: (() => Promise<void>)[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quiver-jobs-'))
  const database = await openSqlite(join(folder, 'quiver.db'))
  blobs = createDiskBlobStore(join(folder, 'blobs'))
  store = createSqlJobStore(database)
  ledger = createSqlLedger(database)
  runners = []
  closers = [() => database.destroy()]
})
afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.close()))
  for (const close of closers) await close()
  rmSync(folder, { recursive: true })
})

function run(
  text: string,
  {
    notify = async () => {},
    format = createTaskLines(new Catalog()),
    ...changes
  }: Partial<RunnerOptions> & Partial<Pick<JobRules, 'notify' | 'format'>> = {},
): Runner {
  const rules = {
    format,
    publisher: signedResult,
    keptMs: DAY_MS,
    wantsNotice: () => false,
    notify,
  }
  const runner = startRunner({
    store,
    blobs,
    embed: fakeEmbed,
    openInput: async () => ({
      name: 'lines.txt',
      body: (async function* () {
        yield Buffer.from(text)
      })(),
    }),
    rules: { task: rules, batch: rules },
    holder: randomUUID(),
    slots: 2,
    leaseMs: 30_000,
    pollMs: 5,
    now: () => new Date(),
    backoffMs: () => 1,
    log: createLog('silent'),
    ...changes,
  })
  runners.push(runner)
  return runner
}

async function submit(lifeMs = DAY_MS): Promise<Job> {
  const createdAt = new Date()
  const options = { textType: 'document', requestId: 'r', isOssAllowed: false }
  return store.submit(
    {
      id: randomUUID(),
      project: 'p',
      keyId: 'k',
      kind: 'task',
      model: MODEL,
      source: 'https://example.com/lines.txt',
      options,
      lane: { name: 'lane', limit: 3 },
      createdAt,
      expiresAt: new Date(createdAt.getTime() + lifeMs),
    },
    { maxOpen: 100, minIntervalMs: 0, maxBytes: 1e12 },
  )
}

async function stateOf({ project, kind, id }: Job): Promise<Job['state'] | undefined> {
  return (await store.find(project, kind, id))?.state
}

async function ended({ project, kind, id }: Job): Promise<Job> {
  for (;;) {
    const job = await store.find(project, kind, id)
    if (job?.endedAt !== undefined) return job
    await sleep(5)
  }
}

async function linesOf({ results }: Job): Promise<Record<string, unknown>[]> {
  const chunks = []
  for await (const chunk of blobs.read(results.output ?? '', { signal })) chunks.push(chunk)
  const text = gunzipSync(Buffer.concat(chunks)).toString()
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).output)
}

function createGate(): { open: () => void; passed: Promise<void> } {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}

/** What a computation that never ends comes to: the reason of its signal, even when that came first. */
function untilAborted(stopped: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(stopped.reason)
    if (stopped.aborted) abort()
    else stopped.addEventListener('abort', abort, { once: true })
  })
}

const textOf = (lines: number) => Array.from({ length: lines }, (_, i) => `line ${i}`).join('\n')

test('every line has its answer, in order, and each token is paid for once', async () => {
  run(textOf(2345))
  const job = await ended(await submit())
  expect(job).toMatchObject({ state: 'succeeded', totalLines: 2345, completedLines: 2345, failedLines: 0 })
  const lines = await linesOf(job)
  expect(lines.map(({ text_index }) => text_index)).toEqual(Array.from({ length: 2345 }, (_, i) => i))
  const tokens = [...Array(2345).keys()].reduce((sum, i) => sum + `line ${i}`.length, 0)
  expect(job.tokens).toBe(tokens)
  expect(await ledger.totalsOf('p', job.id)).toEqual({ charges: 3, inputs: 2345, tokens, amountNanos: tokens * 700 })
})

test('a shard of long lines has a megabyte of them', async () => {
  run(Array.from({ length: 25 }, (_, i) => String(i).padEnd(100_000, ' line')).join('\n'))
  const job = await ended(await submit())
  expect(job).toMatchObject({ state: 'succeeded', completedLines: 25 })
  expect(await ledger.totalsOf('p', job.id)).toMatchObject({ charges: 3, inputs: 25 })
})

test('blank lines count and cost nothing; lines that cannot be computed say why', async () => {
  const embed: Embed = async (request, options) => {
    if (request.inputs.includes('wrong')) throw new ApiError('invalid_parameter', 'Range of input length should be …')
    return fakeEmbed(request, options)
  }
  run('\ufefffirst\n\n  \nwrong\r\nlast\n', { embed })
  const job = await ended(await submit())
  expect(await linesOf(job)).toEqual([
    { code: 200, text_index: 0, embedding: expect.any(Array) },
    { code: 200, text_index: 1 },
    { code: 200, text_index: 2 },
    { code: 400, text_index: 3, message: 'Range of input length should be …' },
    { code: 200, text_index: 4, embedding: expect.any(Array) },
  ])
  expect(job).toMatchObject({ completedLines: 4, failedLines: 1, tokens: 'first'.length + 'last'.length })
  expect(await ledger.totalsOf('p', job.id)).toMatchObject({ inputs: 2 })
})

test.each([
  ['a file that is no text', '\u0000', 'InvalidFile.TypeNotTxt'],
  ['a file without lines', '', 'InvalidFile.Empty'],
  ['a file with too many lines', '\n'.repeat(100_001), 'InvalidFile.TooLarge'],
])('%s fails as a whole', async (_what, text, code) => {
  run(text)
  expect(await ended(await submit())).toMatchObject({ state: 'failed', faults: [{ code }] })
})

test('a server without room is waited for, and then everything is computed', async () => {
  let refusals = 3
  const embed: Embed = async (request, options) => {
    if (refusals-- > 0) throw new ApiError('overloaded', 'later')
    return fakeEmbed(request, options)
  }
  run(textOf(10), { embed })
  expect(await ended(await submit())).toMatchObject({ state: 'succeeded', completedLines: 10, failedLines: 0 })
})

test('a model that fails on everything for a while costs no line, whatever was computed before', async () => {
  let calls = 0
  const embed: Embed = async (request, options) => {
    calls++
    if (calls > 3 && calls < 100) throw new ApiError('engine_failed', 'broken')
    return fakeEmbed(request, options)
  }
  run(textOf(700), { embed, slots: 1 })
  expect(await ended(await submit())).toMatchObject({ state: 'succeeded', completedLines: 700, failedLines: 0 })
  expect(calls).toBeGreaterThan(100)
})

test('a line on which the model fails, while it computes others, fails alone', async () => {
  const embed: Embed = async (request, options) => {
    if (request.inputs.includes('line 7')) throw new ApiError('engine_failed', 'broken')
    return fakeEmbed(request, options)
  }
  run(textOf(200), { embed, slots: 1 })
  const job = await ended(await submit())
  expect(job).toMatchObject({ state: 'succeeded', completedLines: 199, failedLines: 1 })
  expect((await linesOf(job))[7]).toEqual({ code: 500, text_index: 7, message: 'broken' })
  const tokens = [...Array(200).keys()].reduce((sum, i) => sum + (i === 7 ? 0 : `line ${i}`.length), 0)
  expect(await ledger.totalsOf('p', job.id)).toMatchObject({ inputs: 199, tokens })
})

test('an input that cannot be had is asked for again, and then the job fails', async () => {
  let tries = 0
  run('', {
    openInput: async () => {
      tries++
      throw new ApiError('download_failed', 'Failed to download the input file: no.')
    },
  })
  const fault = { code: 'BadRequest.InputDownloadFailed', message: 'Failed to download the input file: no.' }
  expect(await ended(await submit())).toMatchObject({ state: 'failed', faults: [fault] })
  expect(tries).toBe(6)
})

test('a disk that is away while a job is planned is waited for longer', async () => {
  let tries = 0
  run('', {
    openInput: async () => {
      tries++
      if (tries <= 10) throw new Error('EIO')
      return { name: 'lines.txt', body: Readable.from([Buffer.from('one\n')]) }
    },
  })
  expect(await ended(await submit())).toMatchObject({ state: 'succeeded', completedLines: 1 })
  expect(tries).toBe(11)
})

test('a job whose time is over ends with what was computed by then', async () => {
  const reached = createGate()
  const embed: Embed = async (request, options) => {
    if (!request.inputs.includes('line 1500')) return fakeEmbed(request, options)
    reached.open()
    return untilAborted(options.signal)
  }
  run(textOf(2000), { embed, slots: 1, leaseMs: 60 })
  const job = await submit()
  await reached.passed
  await store.expire(new Date(Date.now() + 2 * DAY_MS), () => ({ notify: false, purgeAt: new Date() }))
  expect(await ended(job)).toMatchObject({ state: 'expired', completedLines: 1000, failedLines: 1000 })
})

const HOUR_MS = 3_600_000

/** What computes in another space than {@link fakeEmbed}: its vectors say so. */
const replaced: Embed = async (request, options) => {
  const { embeddings, ...result } = await fakeEmbed(request, options)
  const other = embeddings.map((embedding) => ({ ...embedding, dense: Float32Array.of(-1, -1) }))
  return { ...result, embeddings: other, space: 'other space', engineSpace: 'other engine' }
}

/** {@link fakeEmbed} up to a line, `then` from there on. */
const until =
  (line: number, then: Embed): Embed =>
  (request, options) =>
    Number(request.inputs[0]?.replace('line ', '')) < line ? fakeEmbed(request, options) : then(request, options)

test('no result has vectors of two spaces: a job whose model is replaced ends with what was computed', async () => {
  let hours = 0
  let tries = 0
  const embed = until(1000, (request, options) => {
    hours = ++tries < 5 ? 0 : 2
    return replaced(request, options)
  })
  const now = () => new Date(Date.now() + hours * HOUR_MS)
  run(textOf(2500), { embed, now, slots: 1 })
  const job = await ended(await submit())
  expect(job).toMatchObject({
    state: 'failed',
    faults: [{ code: 'SpaceChanged', message: expect.stringContaining('another vector space') }],
    completedLines: 1000,
    failedLines: 1500,
    engineSpace: 'engine',
    spaces: ['space'],
  })
  const lines = await linesOf(job)
  expect(lines.map(({ code }) => code)).toEqual([...Array(1000).fill(200), ...Array(1500).fill(409)])
  expect(lines.some(({ embedding }) => Array.isArray(embedding) && embedding[0] === -1)).toBe(false)
  expect(await ledger.totalsOf('p', job.id)).toMatchObject({ charges: 1, inputs: 1000, tokens: job.tokens })
})

test('a process with another model leaves a job to those that have the right one', async () => {
  let computed = 0
  const slow: Embed = async (request, options) => {
    await sleep(5)
    computed += request.inputs.length
    return fakeEmbed(request, options)
  }
  run(textOf(4000), { embed: slow, slots: 1 })
  const job = await submit()
  while (computed < 1100) await sleep(1)
  run(textOf(4000), { embed: replaced })
  const done = await ended(job)
  expect(done).toMatchObject({ state: 'succeeded', completedLines: 4000, spaces: ['space'] })
  expect((await linesOf(done)).some(({ embedding }) => Array.isArray(embedding) && embedding[0] === -1)).toBe(false)
})

test('a model that is removed while a job runs takes nothing away that was charged', async () => {
  let hours = 0
  const tasks = createTaskLines(new Catalog())
  const format: LineFormat = {
    ...tasks,
    read(line, job) {
      if (line.index < 1000) return tasks.read(line, job)
      if (job.outcome === undefined) hours += 2
      return tasks.read(line, { ...job, model: 'removed' })
    },
  }
  run(textOf(1500), { format, slots: 1, now: () => new Date(Date.now() + hours * HOUR_MS) })
  const job = await ended(await submit())
  expect(job).toMatchObject({
    state: 'failed',
    completedLines: 1000,
    failedLines: 500,
    faults: [{ row: 'model_not_found' }],
  })
  const lines = await linesOf(job)
  expect(lines[999]).toMatchObject({ code: 200, embedding: expect.any(Array) })
  expect(lines[1000]).toEqual({ code: 400, text_index: 1000, message: 'Model not exist.' })
  expect(lines).toHaveLength(1500)
  expect(await ledger.totalsOf('p', job.id)).toMatchObject({ charges: 1, inputs: 1000 })
})

test('a job whose input is gone ends with what was computed of it', async () => {
  let hours = 0
  const embed = until(1000, async () => {
    hours = 1
    throw new ApiError('overloaded', 'later')
  })
  const gone: BlobStore = {
    ...blobs,
    read: (key, options) => {
      if (hours === 0 || !key.includes('/input.')) return blobs.read(key, options)
      hours += 2
      throw new ApiError('not_found', 'There is no such file.')
    },
  }
  run(textOf(1500), { embed, blobs: gone, slots: 1, now: () => new Date(Date.now() + hours * HOUR_MS) })
  const job = await ended(await submit())
  expect(job).toMatchObject({ state: 'failed', completedLines: 1000, failedLines: 500, faults: [{ row: 'not_found' }] })
  expect(await linesOf(job)).toHaveLength(1000)
})

test('a job that nobody began in its time is known as expired, and whoever waits for it is told', async () => {
  const job = await submit(0)
  const told: string[] = []
  const rules = { keptMs: DAY_MS, wantsNotice: () => true }
  await expireAndForget(store, { now: new Date(), aftermathOf: createAftermathOf({ task: rules, batch: rules }) })
  expect(await stateOf(job)).toBe('expired')
  run('', { notify: async ({ state }) => void told.push(state) })
  while (told.length === 0) await sleep(5)
  expect(told).toEqual(['expired'])
})

test('who stops gives back what was begun, and the next one goes on', async () => {
  const begun = createGate()
  const stuck: Embed = (_request, options) => {
    begun.open()
    return untilAborted(options.signal)
  }
  const first = run(textOf(1500), { embed: stuck })
  const job = await submit()
  await begun.passed
  await first.close()
  expect(await store.holders()).toEqual([])
  run(textOf(0))
  expect(await ended(job)).toMatchObject({ state: 'succeeded', completedLines: 1500 })
})

test('two that work on one shard come to one result', async () => {
  const slow: Embed = async (request, options) => {
    await sleep(30)
    return fakeEmbed(request, options)
  }
  const first = run(textOf(700), { embed: slow })
  const job = await submit()
  while ((await stateOf(job)) !== 'computing') await sleep(1)
  for (let i = 0; i < 2; i++) run(textOf(700), { embed: slow })
  // Leases that are taken from holders that work on: everything is computed by several at once.
  for (let i = 0; i < 4; i++) {
    while ((await store.holders()).length === 0 && (await stateOf(job)) === 'computing') await sleep(1)
    await store.disown(await store.holders())
    await sleep(20)
  }
  await first.close()
  const done = await ended(job)
  expect(done).toMatchObject({ state: 'succeeded', completedLines: 700 })
  expect((await linesOf(done)).map(({ text_index }) => text_index)).toEqual(Array.from({ length: 700 }, (_, i) => i))
  expect((await ledger.totalsOf('p', job.id)).tokens).toBe(done.tokens)
})

test('what no row names is swept, the rest is not', async () => {
  run(textOf(5))
  const done = await ended(await submit())
  await runners[0]?.close()
  const limits = { maxBytes: 100, signal }
  const left = async function* () {
    yield Buffer.from('left')
  }
  await blobs.write(`jobs/${done.id}/0.99.out`, left(), limits)
  await blobs.write('jobs/nobodys/input.1', left(), limits)
  await blobs.write('results/nobodys.txt.gz', left(), limits)
  const open = await submit()
  await blobs.write(`jobs/${open.id}/input.1`, left(), limits)
  expect(await sweepBlobs({ store, blobs })).toBe(3)
  const keys = []
  for await (const key of blobs.list('')) keys.push(key)
  expect(keys.toSorted()).toEqual([`jobs/${open.id}/input.1`, done.results.output])
})

describe('when any one operation fails', () => {
  const FAULTS = ['before', 'after'] as const

  /** The k-th call of any method throws: before it did its work, or after it, as when the answer is lost. */
  function failingAt<Target extends object>(
    target: Target,
    k: number,
    when: 'before' | 'after',
    counter: { calls: number },
  ) {
    return new Proxy(target, {
      get(object, name) {
        const method: unknown = Reflect.get(object, name)
        if (typeof method !== 'function' || name === 'read' || name === 'list') return method
        return async (...values: unknown[]) => {
          const isIt = ++counter.calls === k
          if (isIt && when === 'before') throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
          const value: unknown = await Reflect.apply(method, object, values)
          if (isIt) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
          return value
        }
      },
    })
  }

  test.each(FAULTS)(
    '%s its work, nothing is lost or doubled',
    async (when) => {
      const counter = { calls: 0 }
      for (let k = 1; ; k++) {
        counter.calls = 0
        const runner = run(textOf(1200), {
          store: failingAt(store, k, when, counter),
          blobs: failingAt(blobs, k, when, counter),
          // A claim whose answer is lost is a lease that nobody holds: it must run out.
          leaseMs: 150,
        })
        const job = await submit()
        const done = await ended(job)
        await runner.close()
        expect(done, `operation ${k}`).toMatchObject({ state: 'succeeded', completedLines: 1200, failedLines: 0 })
        const lines = await linesOf(done)
        expect(
          lines.map(({ text_index }) => text_index),
          `operation ${k}`,
        ).toEqual(lines.map((_, i) => i))
        expect(lines).toHaveLength(1200)
        expect((await ledger.totalsOf('p', job.id)).tokens).toBe(done.tokens)
        if (counter.calls < k || k > 40) break
      }
      expect(counter.calls).toBeGreaterThan(5)
    },
    300_000,
  )
})

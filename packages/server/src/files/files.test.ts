import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDiskBlobStore } from '../stores/disk/blob-store.js'
import { createSqlFileIndex } from '../stores/sql/file-index.js'
import { openSqlite } from '../stores/sqlite/database.js'
import type { BlobStore } from './blob-store.js'
import type { FileIndex } from './file-index.js'
import { createFiles, type Files } from './files.js'
import { sweepFiles, sweepRegularly } from './sweep.js'

const { signal } = new AbortController()
const LIMITS = { maxFileBytes: 100, maxFiles: 10, maxBytes: 1_000 }
const HOUR_MS = 3_600_000

let root: string
let blobs: BlobStore
let index: FileIndex
let files: Files
let now: Date
let closeIndex: () => Promise<void>

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'quiver-files-'))
  const database = await openSqlite(':memory:')
  closeIndex = () => database.destroy()
  blobs = createDiskBlobStore(root)
  index = createSqlFileIndex(database)
  now = new Date('2026-03-01T12:00:00.000Z')
  files = createFiles({ blobs, index, limits: LIMITS, now: () => now })
})
afterEach(async () => {
  await closeIndex()
  rmSync(root, { recursive: true })
})

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

async function upload(text: string, change: { project?: string; purpose?: string; lifeSeconds?: number } = {}) {
  const project = change.project ?? 'ours'
  const arrival = await files.receive(bytesOf(text), { project, signal })
  return files.keep(arrival, { purpose: 'batch', filename: 'a.jsonl', ...change, project })
}

async function keys(): Promise<string[]> {
  const all = []
  for await (const key of blobs.list('')) all.push(key)
  return all
}

const sweep = () => sweepFiles({ blobs, index, now }, signal)

describe('files', () => {
  test('bytes become a file with an id of their purpose, and are read back', async () => {
    const file = await upload('hello')
    expect(file).toMatchObject({ bytes: 5, purpose: 'batch', createdAt: now, expiresAt: undefined })
    expect(file.id).toMatch(/^file-batch-[0-9a-f]{32}$/)
    expect((await upload('x', { purpose: 'file-extract' })).id).toMatch(/^file-fe-[0-9a-f]{32}$/)
    expect((await upload('x', { purpose: 'user_data' })).id).toMatch(/^file-[0-9a-f]{32}$/)
    const read = []
    for await (const chunk of files.read(await files.get('ours', file.id), { signal, start: 1 })) read.push(chunk)
    expect(Buffer.concat(read).toString()).toBe('ello')
  })

  test('a foreign file is as one that never was', async () => {
    const { id } = await upload('hello')
    const unknown = { row: 'not_found', message: expect.stringContaining('No such File object: ') }
    await expect(files.get('theirs', id)).rejects.toMatchObject(unknown)
    await expect(files.remove('theirs', id)).rejects.toMatchObject(unknown)
    await expect(files.get('theirs', 'file-batch-0')).rejects.toMatchObject(unknown)
    expect((await files.get('ours', id)).bytes).toBe(5)
  })

  test('what is too large, or does not fit, leaves no bytes', async () => {
    await expect(upload('x'.repeat(101))).rejects.toMatchObject({ row: 'body_too_large' })
    for (let i = 0; i < 10; i++) await upload('x'.repeat(100), { project: 'full' })
    await expect(upload('x', { project: 'full' })).rejects.toMatchObject({ row: 'file_quota_exceeded' })
    expect(await keys()).toHaveLength(10)
  })

  test('of uploads that are received together and do not all fit, those that come last leave no bytes', async () => {
    const arrivals = await Promise.all(
      Array.from({ length: 12 }, () => files.receive(bytesOf('x'.repeat(100)), { project: 'ours', signal })),
    )
    const kept = await Promise.allSettled(
      arrivals.map((arrival) => files.keep(arrival, { project: 'ours', purpose: 'batch', filename: 'a' })),
    )
    expect(kept.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    expect(await keys()).toHaveLength(10)
  })

  test('of many that arrive at once, those over the bound are told to come again', async () => {
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    async function* slow() {
      await gate
      yield Buffer.from('x')
    }
    const arrivals = Array.from({ length: 65 }, () => files.receive(slow(), { project: 'ours', signal }))
    await expect(Promise.race(arrivals)).rejects.toMatchObject({ row: 'overloaded', retryAfterSeconds: 5 })
    open()
    const outcomes = await Promise.allSettled(arrivals)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(64)
    await files.receive(bytesOf('x'), { project: 'ours', signal })
  })

  test('removing a file removes its bytes', async () => {
    const { id } = await upload('hello')
    await files.remove('ours', id)
    expect(await keys()).toEqual([])
    await expect(files.remove('ours', id)).rejects.toMatchObject({ row: 'not_found' })
  })

  test('results are adopted once, however often, also beyond the quota', async () => {
    for (let i = 0; i < 10; i++) await upload('x'.repeat(100))
    const written = await blobs.write('results/one.jsonl', bytesOf('x'.repeat(500)), { maxBytes: 1_000, signal })
    const result = { id: 'file-batch_output-1', project: 'ours', purpose: 'batch_output', filename: 'one.jsonl' }
    const first = await files.adopt({ blobKey: 'results/one.jsonl', ...written }, result)
    now = new Date(now.getTime() + HOUR_MS)
    expect(await files.adopt({ blobKey: 'results/one.jsonl', ...written }, result)).toEqual(first)
    expect((await files.get('ours', first.id)).bytes).toBe(500)
  })

  test('pages end where there is nothing more; an unknown cursor is an error', async () => {
    const ids = []
    for (let i = 0; i < 3; i++) {
      now = new Date(now.getTime() + 1000)
      ids.push((await upload('x')).id)
    }
    const page = (limit: number, afterId?: string) =>
      files.list({ project: 'ours', order: 'asc', limit, afterId }).then((list) => [list.files.length, list.hasMore])
    expect(await page(2)).toEqual([2, true])
    expect(await page(3)).toEqual([3, false])
    expect(await page(2, ids[1])).toEqual([1, false])
    expect(await page(2, ids[2])).toEqual([0, false])
    await expect(page(2, 'file-none')).rejects.toMatchObject({ row: 'not_found' })
  })
})

describe('the sweep', () => {
  test('removes what has expired, with its bytes', async () => {
    const { id } = await upload('x', { lifeSeconds: 3_600 })
    await upload('y')
    now = new Date(now.getTime() + HOUR_MS - 1)
    expect(await sweep()).toMatchObject({ expired: 0 })
    now = new Date(now.getTime() + 1)
    await expect(files.get('ours', id)).rejects.toMatchObject({ row: 'not_found' })
    expect(await sweep()).toEqual({ expired: 1, orphans: 0, unfinished: 0 })
    expect(await keys()).toHaveLength(1)
  })

  test('removes bytes without a row when no upload can still be going on; files of jobs are not its business', async () => {
    await upload('kept')
    await files.receive(bytesOf('the process died here'), { project: 'ours', signal })
    await blobs.write('results/a', bytesOf('x'), { maxBytes: 10, signal })
    expect(await sweep()).toMatchObject({ orphans: 0 })
    now = new Date('2026-03-02T23:59:59.000Z')
    expect(await sweep()).toMatchObject({ orphans: 0 })
    now = new Date('2026-03-03T00:00:01.000Z')
    expect(await sweep()).toMatchObject({ orphans: 1 })
    expect(await keys()).toHaveLength(2)
  })

  test('more than one step at a time', async () => {
    const boundless = createFiles({
      blobs,
      index,
      limits: { ...LIMITS, maxFiles: 5_000, maxBytes: 1e9 },
      now: () => now,
    })
    for (let i = 0; i < 1_001; i++) {
      const arrival = { blobKey: `files/2026-03-01/${i}`, bytes: 1, sha256: '' }
      await boundless.keep(arrival, { project: 'ours', purpose: 'batch', filename: 'a', lifeSeconds: 3_600 })
    }
    now = new Date(now.getTime() + HOUR_MS)
    expect(await sweep()).toMatchObject({ expired: 1_001 })
  })

  test('a killed removal is finished by the next sweep', async () => {
    const { id } = await upload('x')
    await index.remove('ours', id) // and here the process died, before its bytes went
    now = new Date('2026-03-03T12:00:00.000Z')
    expect(await sweep()).toMatchObject({ orphans: 1 })
    expect(await keys()).toEqual([])
  })

  test('runs now and then, one at a time; a failure is told and the next one runs', async () => {
    const stop = new AbortController()
    const errors: unknown[] = []
    let runs = 0
    let together = 0
    const sweeping = sweepRegularly(
      async () => {
        runs++
        together++
        await new Promise((resolve) => setTimeout(resolve, 20))
        expect(together).toBe(1)
        together--
        if (runs === 1) throw new Error('the first fails')
      },
      { everyMs: 5, signal: stop.signal, onError: (error) => errors.push(error) },
    )
    await expect.poll(() => runs).toBeGreaterThan(2)
    stop.abort()
    await sweeping
    expect(together).toBe(0)
    expect(errors).toEqual([new Error('the first fails')])
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDiskBlobStore } from '../stores/disk/blob-store.js'
import { createSqlProcessRegistry } from '../stores/sql/process-registry.js'
import { openSqlite } from '../stores/sqlite/database.js'
import { createLog } from '../telemetry/log.js'
import { joinProcesses } from './join-processes.js'

const START = Date.UTC(2026, 0, 1)
let folder: string
let database: Awaited<ReturnType<typeof openSqlite>>
let seconds: number
let count: number
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quiver-processes-'))
  database = await openSqlite(':memory:')
  seconds = 0
  count = 0
})
afterEach(async () => {
  await database.destroy()
  rmSync(folder, { recursive: true })
})

const enter = (changes: { secret?: string; place?: string } = {}) =>
  joinProcesses({
    registry: createSqlProcessRegistry(database),
    blobs: createDiskBlobStore(join(folder, changes.place ?? 'shared')),
    secret: Buffer.from(changes.secret ?? 'one secret'),
    id: `host/${++count}/uuid`,
    role: 'all',
    now: () => new Date(START + seconds * 1000),
    log: createLog('silent'),
  })

test('processes that agree live side by side', async () => {
  const processes = [await enter(), await enter(), await enter()]
  for (const one of processes) await one.close()
  expect(await database.selectFrom('processes').selectAll().execute()).toEqual([])
})

test('another secret does not start, and is told which process has what', async () => {
  const first = await enter()
  seconds = 7
  await expect(enter({ secret: 'another one' })).rejects.toThrow(
    /^secret: process host\/1\/uuid, last seen 7 s ago, .*QUIVER_SECRET/,
  )
  await first.close()
  await (await enter({ secret: 'another one' })).close()
})

test('files in another place do not start', async () => {
  const first = await enter()
  await expect(enter({ place: 'elsewhere' })).rejects.toThrow(/^s3Bucket: process host\/1\/uuid/)
  await first.close()
})

test('a process that was killed is forgotten after a minute', async () => {
  const killed = await enter()
  seconds = 59
  await expect(enter({ secret: 'changed' })).rejects.toThrow('secret')
  seconds = 61
  await (await enter({ secret: 'changed' })).close()
  await killed.close()
})

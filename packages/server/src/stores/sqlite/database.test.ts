import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSqlite } from './database.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quiver-sqlite-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const pragma = async (path: string, name: string) => {
  const database = await openSqlite(path)
  const { rows } = await sql.raw(`PRAGMA ${name}`).execute(database)
  await database.destroy()
  return Object.values(Object(rows[0]))[0]
}

test('a commit is on the disk when it returns', async () => {
  const path = join(folder, 'durable.db')
  expect(await pragma(path, 'journal_mode')).toBe('wal')
  expect(await pragma(path, 'synchronous')).toBe(2)
  expect(await pragma(path, 'foreign_keys')).toBe(1)
  expect(await pragma(path, 'busy_timeout')).toBe(10_000)
})

test('a database that was opened before keeps what it has', async () => {
  const path = join(folder, 'again.db')
  const row = { project: 'default', operation: 'o', key: 'k', fingerprint: 'f', job_id: 'j', created_at: 1 }
  const first = await openSqlite(path)
  await first.insertInto('idempotency_keys').values(row).execute()
  await first.destroy()
  const second = await openSqlite(path)
  expect(await second.selectFrom('idempotency_keys').selectAll().execute()).toEqual([row])
  await second.destroy()
})

test('a transaction that fails leaves nothing', async () => {
  const database = await openSqlite(join(folder, 'undone.db'))
  const row = { project: 'default', operation: 'o', key: 'k', fingerprint: 'f', job_id: 'j', created_at: 1 }
  const work = database.transaction().execute(async (transaction) => {
    await transaction.insertInto('idempotency_keys').values(row).execute()
    throw new Error('no')
  })
  await expect(work).rejects.toThrow('no')
  expect(await database.selectFrom('idempotency_keys').selectAll().execute()).toEqual([])
  await database.destroy()
})

import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseError } from '../../database-error.js'
import { checkSqlite, snapshotSqlite } from './backup.js'
import { openSqlite } from './database.js'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quiver-unopenable-'))
  path = join(folder, 'quiver.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function refusal(work: () => Promise<unknown>): Promise<string> {
  const error: unknown = await work().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DatabaseError)
  const { message } = error as DatabaseError // as the line above has it
  expect(message).not.toContain('\n')
  return message
}

const opened = () => refusal(() => openSqlite(path, { busyTimeoutMs: 50 }))

test('a folder in its place', async () => {
  mkdirSync(path)
  expect(await opened()).toBe(
    `database: ${path} cannot be opened; check that it is a file which the user of this process may read and write, and its folder too (SQLITE_CANTOPEN).`,
  )
})

test('a folder that is not there', async () => {
  path = join(folder, 'nowhere', 'quiver.db')
  expect(await opened()).toContain(`${path} cannot be opened`)
})

test('a file that is no database stays as it was', async () => {
  writeFileSync(path, 'notes of somebody\n'.repeat(100))
  expect(await opened()).toBe(
    `database: ${path} is no SQLite database, or a damaged one; move it away and bring back a backup with quiver restore (SQLITE_NOTADB).`,
  )
  expect(existsSync(`${path}-wal`)).toBe(false)
  expect(await refusal(() => snapshotSqlite(path, join(folder, 'copy.db')))).toContain('is no SQLite database')
  expect(await refusal(async () => checkSqlite(path))).toContain('is no SQLite database')
})

// Linux gives EIO for the first byte of a process's memory.
test.skipIf(process.platform !== 'linux')('a disk that fails', async () => {
  symlinkSync('/proc/self/mem', path)
  expect(await opened()).toMatch(/cannot be read or written: its disk or file system fails; .* \(SQLITE_IOERR\)\.$/)
})

test('a file that another holds to itself', async () => {
  const other = new DatabaseSync(path)
  other.exec('BEGIN EXCLUSIVE')
  expect(await opened()).toMatch(/is locked by another process, perhaps of another machine; .* \(SQLITE_BUSY\)\.$/)
  other.close()
  const later = await openSqlite(path)
  await later.destroy()
})

test('a file of a later version', async () => {
  const database = await openSqlite(path)
  await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '2030')`.execute(database)
  await database.destroy()
  expect(await opened()).toMatch(/was changed by a later version than .* \(9999-later\); start that version again/)
})

test('no file, where one must be', async () => {
  expect(await refusal(() => snapshotSqlite(path, join(folder, 'copy.db')))).toBe(
    `database: there is none at ${path}; is this the home of a server?`,
  )
  expect(existsSync(path)).toBe(false)
})

test('a copy that cannot be written', async () => {
  const database = await openSqlite(path)
  await database.destroy()
  const copy = join(folder, 'nowhere', 'copy.db')
  expect(await refusal(() => snapshotSqlite(path, copy))).toContain(`${path}, or its copy ${copy}, cannot be opened`)
})

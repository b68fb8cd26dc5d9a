import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type BackupSource, backUp, restore } from './backup.js'
import { createFiles, type Files } from './files/files.js'
import { sweepFiles } from './files/sweep.js'
import { loadSecret } from './home.js'
import { createDiskBlobStore, type DiskBlobStore } from './stores/disk/blob-store.js'
import { createSqlFileIndex } from './stores/sql/file-index.js'
import { type AppendToLedger, createSqlLedger, toLedgerRow } from './stores/sql/ledger.js'
import { checkSqlite, snapshotSqlite } from './stores/sqlite/backup.js'
import { openSqlite } from './stores/sqlite/database.js'
import { LedgerJournal } from './stores/sqlite/ledger-journal.js'
import { LedgerThread } from './stores/sqlite/ledger-thread.js'
import type { Charge } from './usage/ledger.js'

const { signal } = new AbortController()
const LIMITS = { maxFileBytes: 1e6, maxFiles: 1e4, maxBytes: 1e9 }

let root: string
const closers: (() => Promise<void>)[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'quiver-backup-'))
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  rmSync(root, { recursive: true })
})

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

interface Home {
  home: string
  files: Files
  blobs: DiskBlobStore
  upload(text: string): Promise<string>
  read(id: string): Promise<string>
  source: BackupSource
}

async function openHome(name: string): Promise<Home> {
  const home = join(root, name)
  const blobs = createDiskBlobStore(join(home, 'blobs'))
  await blobs.write('results/probe', bytesOf('probe'), { maxBytes: 10, signal }) // makes the folder
  await blobs.delete('results/probe')
  const database = await openSqlite(join(home, 'quiver.db'))
  closers.push(() => database.destroy())
  loadSecret(home)
  const files = createFiles({ blobs, index: createSqlFileIndex(database), limits: LIMITS })
  return {
    home,
    files,
    blobs,
    async upload(text) {
      const arrival = await files.receive(bytesOf(text), { project: 'ours', signal })
      return (await files.keep(arrival, { project: 'ours', purpose: 'batch', filename: 'a' })).id
    },
    async read(id) {
      const chunks = []
      for await (const chunk of files.read(await files.get('ours', id), { signal })) chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    },
    source: {
      home,
      blobs,
      snapshotDatabase: async (path) =>
        snapshotSqlite(join(home, 'quiver.db'), path, { journals: join(home, 'ledger') }),
      holdBlobs: () => blobs.holdDeletions(),
    },
  }
}

const blobsOf = (folder: string) => createDiskBlobStore(join(folder, 'blobs'))
const folder = () => join(root, 'backup')
const backUpTo = (source: BackupSource) => backUp(source, { folder: folder(), blobsOf, signal })
const restoreTo = (name: string) =>
  restore(folder(), {
    home: join(root, name),
    from: blobsOf(folder()),
    to: createDiskBlobStore(join(root, name, 'blobs')),
    checkDatabase: checkSqlite,
    signal,
  })

test('what was kept is there again, with the secret', async () => {
  const first = await openHome('first')
  const ids = [await first.upload('one'), await first.upload('two')]
  expect(await backUpTo(first.source)).toEqual({ blobs: 2, bytes: 6 })
  expect(await restoreTo('second')).toEqual({ blobs: 2, bytes: 6 })
  const second = await openHome('second')
  expect(await Promise.all(ids.map((id) => second.read(id)))).toEqual(['one', 'two'])
  expect(loadSecret(second.home)).toEqual(loadSecret(first.home))
  expect(statSync(join(second.home, 'secret')).mode & 0o777).toBe(0o600)
})

test('charges that are not in the database yet are in its copy, once', async () => {
  const first = await openHome('first')
  const openJournal = (commit: AppendToLedger) =>
    LedgerJournal.open({
      folder: join(first.home, 'ledger'),
      owner: 'host/1/a',
      isGone: () => false,
      commit,
      onError: () => {},
    })
  const thread = new LedgerThread(join(first.home, 'quiver.db'))
  const stuck = await openJournal(() => new Promise(() => {}))
  const charge = (id: string): Charge => ({
    ...{ id, project: 'ours', keyId: 'k', kind: 'request', reference: 'r', model: 'm', space: 's' },
    ...{ inputs: 1, tokens: 3, priceMicrosPer1kTokens: 500, at: new Date(0) },
  })
  const rows = ['both', 'journal'].map((id) => toLedgerRow(charge(id)))
  await thread.append(rows.slice(0, 1))
  for (const row of rows) await stuck.add(row)
  await backUpTo(first.source)
  await thread.close()
  await restoreTo('second')
  const database = await openSqlite(join(root, 'second', 'quiver.db'))
  closers.push(() => database.destroy())
  expect(await createSqlLedger(database).totalsOf('ours', 'r')).toMatchObject({ charges: 2, tokens: 6 })
})

test('with uploads and deletions going on, every file of the copy has its bytes', async () => {
  const first = await openHome('first')
  const ids: string[] = []
  for (let i = 0; i < 40; i++) ids.push(await first.upload(`before ${i}`))
  let isDone = false
  const churn = (async () => {
    for (let i = 0; !isDone; i++) {
      ids.push(await first.upload(`during ${i}`))
      const gone = ids.shift()
      if (gone !== undefined) await first.files.remove('ours', gone)
    }
  })()
  await backUpTo(first.source)
  isDone = true
  await churn
  await restoreTo('second')
  const second = await openHome('second')
  const { files } = await second.files.list({ project: 'ours', order: 'asc', limit: 1e4 })
  expect(files.length).toBeGreaterThanOrEqual(39)
  for (const { id } of files) expect(await second.read(id)).toMatch(/^(before|during) \d+$/)
})

test('what was deleted meanwhile goes when the backup is over; what was written anew stays', async () => {
  const { blobs } = await openHome('first')
  const limits = { maxBytes: 100, signal }
  for (const key of ['results/gone', 'results/anew']) await blobs.write(key, bytesOf('old'), limits)
  const hold = await blobs.holdDeletions()
  await blobs.delete('results/gone')
  await blobs.delete('results/anew')
  expect(await blobs.stat('results/gone')).toEqual({ bytes: 3 })
  await new Promise((resolve) => setTimeout(resolve, 20)) // so that the file is younger than its deletion
  await blobs.write('results/anew', bytesOf('newer'), limits)
  await expect(blobs.holdDeletions()).rejects.toThrow('another backup')
  await hold.release()
  expect(await blobs.stat('results/gone')).toBeUndefined()
  expect(await blobs.stat('results/anew')).toEqual({ bytes: 5 })
  await blobs.delete('results/anew')
  expect(await blobs.stat('results/anew')).toBeUndefined()
})

test('a backup that was killed holds nothing back for ever', async () => {
  const { home, blobs } = await openHome('first')
  await blobs.write('results/gone', bytesOf('x'), { maxBytes: 10, signal })
  await blobs.holdDeletions() // and here the process died
  await blobs.delete('results/gone')
  const { utimesSync } = await import('node:fs')
  const old = new Date(Date.now() - 120_000)
  utimesSync(join(home, 'blobs', '.hold'), old, old)
  await blobs.sweepUnfinished(new Date(0))
  expect(await blobs.stat('results/gone')).toBeUndefined()
})

test('the sweep of a restored server removes bytes without a row', async () => {
  const first = await openHome('first')
  await first.files.receive(bytesOf('orphan'), { project: 'ours', signal })
  await first.upload('kept')
  await backUpTo(first.source)
  await restoreTo('second')
  const second = await openHome('second')
  const database = await openSqlite(join(second.home, 'quiver.db'))
  closers.push(() => database.destroy())
  const now = new Date(Date.now() + 3 * 24 * 3_600_000)
  const report = await sweepFiles({ blobs: second.blobs, index: createSqlFileIndex(database), now }, signal)
  expect(report).toMatchObject({ orphans: 1, expired: 0 })
})

test('an unfinished backup, a damaged one, and a home in use are refused', async () => {
  const first = await openHome('first')
  const id = await first.upload('one')
  const { blobKey } = await first.files.get('ours', id)
  await expect(restoreTo('second')).rejects.toThrow('is no backup')
  await backUpTo(first.source)
  await expect(backUpTo(first.source)).rejects.toThrow('is not empty')
  await expect(restoreTo('first')).rejects.toThrow('has a database already')

  writeFileSync(join(folder(), 'blobs', blobKey), 'eno')
  await expect(restoreTo('second')).rejects.toThrow(`${blobKey} is not what was backed up`)
  expect(existsSync(join(root, 'second', 'quiver.db'))).toBe(false)
  writeFileSync(join(folder(), 'blobs', blobKey), 'one')

  const whole = readFileSync(join(folder(), 'quiver.db'))
  appendFileSync(join(folder(), 'quiver.db'), 'x')
  await expect(restoreTo('second')).rejects.toThrow('quiver.db is not what was backed up')
  writeFileSync(join(folder(), 'quiver.db'), whole)
  await restoreTo('second')
})

import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LedgerRow } from '../sql/ledger.js'
import { LedgerJournal, type LedgerJournalOptions } from './ledger-journal.js'

const rowOf = (id: string): LedgerRow => ({
  id,
  project: 'project',
  key_id: 'key',
  kind: 'request',
  reference: id,
  model: 'model',
  space: 'space',
  inputs: 1,
  tokens: 2,
  price_micros_per_1k_tokens: 500,
  amount_nanos: 1000,
  created_at: 0,
})

let folder: string
let committed: string[]
const errors = vi.fn()
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'quiver-journal-')), 'ledger')
  committed = []
  errors.mockReset()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const commitAll = async (rows: readonly LedgerRow[]) => void committed.push(...rows.map(({ id }) => id))
const open = (options: Partial<LedgerJournalOptions> = {}) =>
  LedgerJournal.open({ folder, owner: 'host/1/a', isGone: () => true, commit: commitAll, onError: errors, ...options })

/** Everything in the folder, as a process that was killed would leave it. */
const left = () => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))

test('a row is in a file when it counts as kept, in the database soon after, and then in no file', async () => {
  const journal = await open()
  await journal.add(rowOf('one'))
  expect(left().join('')).toContain('"one"')
  expect(committed).toEqual([])
  await vi.waitFor(() => expect(committed).toEqual(['one']))
  await journal.drain()
  expect(left().join('')).toBe('')
  await journal.close()
  expect(readdirSync(folder)).toEqual([])
})

test('rows that come while a slow disk commits others are committed too, though nobody asks for it', async () => {
  const journal = await open({
    async commit(rows) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      committed.push(...rows.map(({ id }) => id))
    },
  })
  await journal.add(rowOf('one'))
  await new Promise((resolve) => setTimeout(resolve, 80)) // the first is being committed
  await journal.add(rowOf('two'))
  await new Promise((resolve) => setTimeout(resolve, 100)) // the second's turn has come and gone by
  await journal.add(rowOf('three'))
  await vi.waitFor(() => expect(committed).toEqual(['one', 'two', 'three']), { timeout: 5000 })
  expect(left().join('')).toBe('')
  await journal.close()
})

test('rows that come while others are committed go next, and drain waits for all', async () => {
  let open1 = () => {}
  const gate = new Promise<void>((resolve) => {
    open1 = resolve
  })
  const groups: string[][] = []
  const journal = await open({
    async commit(rows) {
      groups.push(rows.map(({ id }) => id))
      await gate
    },
  })
  await journal.add(rowOf('one'))
  await vi.waitFor(() => expect(groups).toHaveLength(1))
  await journal.add(rowOf('two'))
  const drained = journal.drain()
  open1()
  await drained
  expect(groups).toEqual([['one'], ['two']])
  await journal.close()
})

test('what a process that ended left behind is committed by the next start, half a line is not', async () => {
  const failing = await open({ commit: () => Promise.reject(new Error('no database')) })
  await failing.add(rowOf('one'))
  await failing.add(rowOf('two'))
  await expect(failing.close()).rejects.toThrow('closed before the database had taken all')
  const [name = ''] = readdirSync(folder)
  appendFileSync(join(folder, name), '{"id":"half')
  const next = await open({ owner: 'host/2/b' })
  expect(committed.toSorted()).toEqual(['one', 'two'])
  expect(left().join('')).toBe('')
  await next.close()
})

test('the files of a process that may still write are read and left alone', async () => {
  const living = await open({ owner: 'elsewhere/1/a', commit: () => new Promise(() => {}) })
  await living.add(rowOf('one'))
  const next = await open({ owner: 'host/2/b', isGone: () => false })
  expect(committed).toEqual(['one'])
  expect(existsSync(join(folder, `${encodeURIComponent('elsewhere/1/a')}.0.journal`))).toBe(true)
  await next.close()
})

test('a database that fails for a while loses nothing', async () => {
  let failures = 2
  const journal = await open({
    async commit(rows) {
      if (failures-- > 0) throw new Error('the disk is full')
      await commitAll(rows)
    },
  })
  await journal.add(rowOf('one'))
  await vi.waitFor(() => expect(committed).toEqual(['one']), { timeout: 10_000 })
  expect(errors).toHaveBeenCalledTimes(2)
  await journal.close()
})

test('a row that no database takes is refused and keeps no other from being written', async () => {
  const journal = await open()
  await expect(journal.add({ ...rowOf('bad'), tokens: Number.NaN })).rejects.toThrow(/tokens/)
  await journal.add(rowOf('good'))
  await journal.close()
  expect(committed).toEqual(['good'])
})

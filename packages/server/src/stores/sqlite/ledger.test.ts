import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ledgerSuite } from '../../usage/ledger.suite.js'
import { createSqlLedger } from '../sql/ledger.js'
import { openSqlite } from './database.js'
import { LedgerThread } from './ledger-thread.js'

ledgerSuite('SQLite, written in a thread', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-ledger-'))
  const path = join(folder, 'quiver.db')
  const databases = [await openSqlite(path), await openSqlite(path)] as const
  const threads = [new LedgerThread(path), new LedgerThread(path)] as const
  const ledger = createSqlLedger(databases[0], threads[0].append)
  const another = createSqlLedger(databases[1], threads[1].append)
  return {
    ledger,
    another,
    async close() {
      await Promise.all([ledger.close(), another.close()])
      await Promise.all(threads.map((thread) => thread.close()))
      await Promise.all(databases.map((database) => database.destroy()))
      rmSync(folder, { recursive: true })
    },
  }
})

test('a thread that cannot open the database fails the charges, and the next charge has a new thread', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-ledger-'))
  const path = join(folder, 'quiver.db')
  const thread = new LedgerThread(path)
  await expect(thread.append([])).rejects.toThrow()
  const database = await openSqlite(path)
  await thread.append([])
  await thread.close()
  await database.destroy()
  rmSync(folder, { recursive: true })
})

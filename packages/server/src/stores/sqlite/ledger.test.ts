import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ledgerSuite } from '../../usage/ledger.suite.js'
import { createSqlLedger } from '../sql/ledger.js'
import { openSqlite } from './database.js'
import { LedgerJournal } from './ledger-journal.js'
import { LedgerThread } from './ledger-thread.js'

ledgerSuite('SQLite, by a journal and a thread', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-ledger-'))
  const path = join(folder, 'quiver.db')
  const openOne = async (owner: string) => {
    const database = await openSqlite(path)
    const thread = new LedgerThread(path)
    const journal = await LedgerJournal.open({
      folder: join(folder, 'ledger'),
      owner,
      isGone: () => false,
      commit: thread.append,
      onError: () => {},
    })
    return {
      ledger: createSqlLedger(database, journal),
      async close() {
        await journal.close()
        await thread.close()
        await database.destroy()
      },
    }
  }
  const [one, two] = [await openOne('one'), await openOne('two')]
  return {
    ledger: one.ledger,
    another: two.ledger,
    async close() {
      await one.close()
      await two.close()
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

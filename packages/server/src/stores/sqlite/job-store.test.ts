import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobStoreSuite } from '../../jobs/job-store.suite.js'
import { createSqlJobStore } from '../sql/job-store.js'
import { createSqlLedger } from '../sql/ledger.js'
import { openSqlite } from './database.js'

jobStoreSuite('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-jobs-'))
  const database = await openSqlite(join(folder, 'quiver.db'))
  return {
    store: createSqlJobStore(database),
    ledger: createSqlLedger(database),
    async close() {
      await database.destroy()
      rmSync(folder, { recursive: true })
    },
  }
})

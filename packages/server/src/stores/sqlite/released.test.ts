import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { releasedSchemaSuite } from '../schema/released.suite.js'
import { createSqlJobStore } from '../sql/job-store.js'
import { openSqlite } from './database.js'
import { openFile } from './open-file.js'

releasedSchemaSuite('SQLite', async (statements) => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-released-'))
  const path = join(folder, 'quiver.db')
  const file = openFile(path)
  file.exec(statements)
  file.close()
  const database = await openSqlite(path)
  return {
    database,
    store: createSqlJobStore(database),
    async close() {
      await database.destroy()
      rmSync(folder, { recursive: true })
    },
  }
})

import { fileIndexSuite } from '../../files/file-index.suite.js'
import { createSqlFileIndex } from '../sql/file-index.js'
import { openSqlite } from './database.js'

fileIndexSuite('SQLite', async () => {
  const database = await openSqlite(':memory:')
  return { index: createSqlFileIndex(database), close: () => database.destroy() }
})

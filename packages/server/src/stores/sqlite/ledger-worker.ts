/** The thread of `ledger-thread.ts`: commits what it is given, one group a transaction. */
import { parentPort, workerData } from 'node:worker_threads'
import { type AppendReply, type AppendRequest, LEDGER_COLUMNS } from './ledger-thread.js'
import { openFile } from './open-file.js'

const port = parentPort
if (port === null) throw new TypeError('ledger-worker.js runs as a worker thread only')

const { path } = workerData as { path: string } // ledger-thread.ts starts this file with nothing else
const file = openFile(path, { mustExist: true })
const places = LEDGER_COLUMNS.map(() => '?').join(', ')
// A row that is there was written by a commit whose answer was lost.
const insert = file.prepare(
  `insert into ledger (${LEDGER_COLUMNS.join(', ')}) values (${places}) on conflict (id) do nothing`,
)

port.on('message', (message: AppendRequest | 'close') => {
  if (message === 'close') {
    file.close()
    port.close()
    return
  }
  port.postMessage({ id: message.id, ...commit(message.rows) } satisfies AppendReply)
})

function commit(rows: AppendRequest['rows']): Omit<AppendReply, 'id'> {
  try {
    file.exec('begin immediate')
    for (const row of rows) insert.run(...row)
    file.exec('commit')
    return {}
  } catch (error) {
    if (file.isTransaction) file.exec('rollback')
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

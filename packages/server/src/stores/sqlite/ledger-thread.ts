import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { AppendToLedger, LedgerRow } from '../sql/ledger.js'

/** Values of rows, each in the order of {@link LEDGER_COLUMNS}: an array costs far less to hand over than an object. */
export interface AppendRequest {
  id: number
  rows: (string | number)[][]
}
export interface AppendReply {
  id: number
  /** What kept the rows from being committed. */
  error?: string
}

export const LEDGER_COLUMNS = [
  'id',
  'project',
  'key_id',
  'kind',
  'reference',
  'model',
  'space',
  'inputs',
  'tokens',
  'price_micros_per_1k_tokens',
  'amount_nanos',
  'created_at',
] as const satisfies readonly (keyof LedgerRow)[]

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/stores/sqlite/ledger-worker.js' : './ledger-worker.js',
  import.meta.url,
)

/**
 * Commits rows of the ledger in a thread with a connection of its own, because SQLite waits for the disk where it is called:
 * on the main thread every request would stand still meanwhile.
 *
 * @param path of a database that has been migrated.
 */
export class LedgerThread {
  readonly #path: string
  readonly #waiting = new Map<number, { resolve: () => void; reject: (reason: unknown) => void }>()
  #thread: Worker | undefined
  #nextId = 0

  constructor(path: string) {
    this.#path = path
  }

  readonly append: AppendToLedger = (rows) =>
    new Promise((resolve, reject) => {
      const id = this.#nextId++
      this.#waiting.set(id, { resolve, reject })
      this.#thread ??= this.#start()
      const request: AppendRequest = { id, rows: rows.map((row) => LEDGER_COLUMNS.map((column) => row[column])) }
      this.#thread.postMessage(request)
    })

  /** Ends the thread when it has written what it was given. */
  async close(): Promise<void> {
    const thread = this.#thread
    if (thread === undefined) return
    const ended = once(thread, 'exit')
    thread.postMessage('close')
    await ended
  }

  /** Started with the first row; one that died is replaced with the next. */
  #start(): Worker {
    const thread = new Worker(WORKER_URL, { workerData: { path: this.#path }, name: 'ledger' })
    const fail = (error: unknown) => {
      if (this.#thread !== thread) return // its error was told; the charges that wait are another thread's
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
      this.#thread = undefined
    }
    thread.on('error', fail)
    thread.on('exit', () => fail(new Error('the thread that writes the ledger has ended')))
    thread.on('message', ({ id, error }: AppendReply) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve()
      else waiting?.reject(new Error(`the ledger could not be written: ${error}`))
    })
    return thread
  }
}

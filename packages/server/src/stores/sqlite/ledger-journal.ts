import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AppendToLedger, LedgerRow, LedgerWriter } from '../sql/ledger.js'

export interface LedgerJournalOptions {
  /** Made if it is missing. */
  folder: string
  /** Name of this process among all that ever ran. */
  owner: string
  /** Whether a process of this name can no longer be writing. */
  isGone(owner: string): boolean
  /** Commits rows in the database; may be asked for the same rows again. */
  commit: AppendToLedger
  onError(error: unknown): void
}

/** How long a row lies in the journal only: what a loss of power can cost, and how often the database is flushed. */
const COMMIT_AFTER_MS = 50
const RETRY_AFTER_MS = 1000
/** Rows that may wait for a database that takes none; about half a kilobyte each. */
const MAX_ROWS = 200_000
const SUFFIX = '.journal'

/**
 * Charges on their way into SQLite. A flush of the disk takes as long as embedding a sentence, so no answer waits for one: a
 * row is first handed to the operating system, as a line of a file, which outlives the process however that ends; twenty
 * times a second a thread commits the lines of that while. The next start commits what a process left behind; the rows'
 * ids see to it that none counts twice.
 *
 * There are two files: one is written while the lines of the other are committed, and emptied then.
 */
export class LedgerJournal implements LedgerWriter {
  readonly #options: LedgerJournalOptions
  readonly #closed = new AbortController()
  #segment: Segment
  #other: Segment
  #timer: NodeJS.Timeout | undefined
  #committing: Promise<void> | undefined

  private constructor(options: LedgerJournalOptions) {
    this.#options = options
    const name = encodeURIComponent(options.owner)
    this.#segment = new Segment(join(options.folder, `${name}.0${SUFFIX}`))
    this.#other = new Segment(join(options.folder, `${name}.1${SUFFIX}`))
  }

  /** @throws what keeps the rows of earlier processes from being committed. */
  static async open(options: LedgerJournalOptions): Promise<LedgerJournal> {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    await recover(options)
    return new LedgerJournal(options)
  }

  async add(row: LedgerRow): Promise<void> {
    if (this.#segment.rows.length >= MAX_ROWS) throw new Error(`the database has not taken ${MAX_ROWS} charges`)
    this.#segment.add(row)
    this.#commitSoon()
  }

  async drain(): Promise<void> {
    await this.#committing
    await this.#commit()
  }

  /** What cannot be committed now is left to the next start. @throws why. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the ledger was closed before the database had taken all charges'))
    try {
      await this.drain()
      this.#segment.remove()
      this.#other.remove()
    } finally {
      clearTimeout(this.#timer)
    }
  }

  #commitSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#commit().catch(() => {}) // only close() ends it early, and tells
    }, COMMIT_AFTER_MS)
  }

  #commit(): Promise<void> {
    this.#committing ??= this.#commitSegment().finally(() => {
      this.#committing = undefined
    })
    return this.#committing
  }

  async #commitSegment(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const full = this.#segment
    if (full.rows.length === 0) return
    this.#segment = this.#other
    this.#other = full
    await this.#commitRows(full.rows)
    full.empty()
    // Their own timer may have run out during this commit, which had begun before they came.
    if (this.#segment.rows.length > 0) this.#commitSoon()
  }

  async #commitRows(rows: readonly LedgerRow[]): Promise<void> {
    for (;;) {
      try {
        return await this.#options.commit(rows)
      } catch (error) {
        this.#options.onError(error)
        this.#closed.signal.throwIfAborted()
        await sleep(RETRY_AFTER_MS, undefined, { signal: this.#closed.signal }).catch(() => {}) // one more try
      }
    }
  }
}

/** One file, and its rows. */
class Segment {
  readonly #path: string
  readonly #file: number
  rows: LedgerRow[] = []
  #isTorn = false

  constructor(path: string) {
    this.#path = path
    this.#file = openSync(path, 'a', 0o600)
  }

  /** @throws when the disk did not take the row as a whole. */
  add(row: LedgerRow): void {
    checkWhole(row)
    // Half a line is of a request that was not answered; the end of line before the next makes it one that nobody reads.
    const line = Buffer.from(`${this.#isTorn ? '\n' : ''}${JSON.stringify(row)}\n`)
    this.#isTorn = true
    const written = writeSync(this.#file, line)
    if (written < line.length) throw new Error(`the disk took ${written} of ${line.length} bytes of a charge`)
    this.#isTorn = false
    this.rows.push(row)
  }

  empty(): void {
    ftruncateSync(this.#file, 0)
    this.rows = []
    this.#isTorn = false
  }

  remove(): void {
    closeSync(this.#file)
    rmSync(this.#path, { force: true })
  }
}

/** Commit what processes left behind. Files of one that may still write, on another machine perhaps, stay. */
async function recover({ folder, isGone, commit }: LedgerJournalOptions): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(SUFFIX)) continue
    const path = join(folder, name)
    const rows = rowsOf(path)
    if (rows.length > 0) await commit(rows)
    if (isGone(decodeURIComponent(name.slice(0, -`.0${SUFFIX}`.length)))) rmSync(path, { force: true })
  }
}

/**
 * Charges that may not be in the database yet: those in the journals of a folder, of whichever process.
 *
 * What is committed and emptied meanwhile may be missing; so read these first, and the database then.
 */
export function readJournals(folder: string): LedgerRow[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((name) => (name.endsWith(SUFFIX) ? rowsOf(join(folder, name)) : []))
}

function rowsOf(path: string): LedgerRow[] {
  try {
    return readFileSync(path, 'utf8').split('\n').flatMap(parseRow)
  } catch (error) {
    // Its process has ended, and committed them before.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Nothing of a line that is not whole: its charge failed, and so did the request. */
function parseRow(line: string): LedgerRow[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as LedgerRow] // only Segment writes here
  } catch {
    return []
  }
}

/** One row that the database can never take would keep all others waiting. */
function checkWhole(row: LedgerRow): void {
  for (const [name, value] of Object.entries(row)) {
    if (typeof value !== 'string' && !Number.isSafeInteger(value))
      throw new TypeError(`a charge whose ${name} is ${value}`)
  }
}

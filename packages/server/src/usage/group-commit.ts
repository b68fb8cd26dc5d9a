/** Rows in one commit; a flush of the disk costs the same for one and for all of them. */
const MAX_ROWS = 500

interface Waiting<Row> {
  row: Row
  resolve: () => void
  reject: (reason: unknown) => void
}

/**
 * Group commit: rows that come while a commit is under way go together into the next one, so that a disk which flushes a
 * hundred times a second keeps up with thousands of rows.
 *
 * Nothing waits for company: a lone row is committed at once. Rows waiting are bounded by the requests that wait for them.
 * @param append commits its rows together; called again only when it has ended.
 */
export class GroupCommit<Row> {
  readonly #append: (rows: readonly Row[]) => Promise<void>
  #waiting: Waiting<Row>[] = []
  #running: Promise<void> | undefined

  constructor(append: (rows: readonly Row[]) => Promise<void>) {
    this.#append = append
  }

  /** Resolves when the row is committed; rejects with what kept its group from it. */
  add(row: Row): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MAX_ROWS)
      await this.#append(group.map(({ row }) => row)).then(
        () => {
          for (const { resolve } of group) resolve()
        },
        (error: unknown) => {
          for (const { reject } of group) reject(error)
        },
      )
    }
    this.#running = undefined
  }
}

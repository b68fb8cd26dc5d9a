import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from '@photostructure/sqlite'
import { DISK_FAULTS, type DiskFault, FaultyDisk, placeOf } from './faulty-disk.js'
import { openOneServer } from './kill.js'
import type { Sweepable, Trial } from './sweep.js'
import { Unavailable, untilAnswered } from './workload.js'

const REQUESTS = 3
/** Charges of requests are in the database after this time: 50 ms, and a second when the first try fails. */
const CHARGED_WITHIN_MS = 30_000

/** One server, SQLite and all, whose disk fails. */
export async function openOnFaultyDisk(
  settings: Readonly<Record<string, string>>,
  config: object,
): Promise<Sweepable<DiskFault>> {
  const disk = new FaultyDisk()
  const one = await openOneServer(settings, config, ({ home }) => disk.environment(home))
  return {
    ...one,
    trials: [requestsOf(one.server.databasePath)],
    steps: {
      faults: DISK_FAULTS,
      arm: (kind, at, count) => disk.arm({ kind, at, count }),
      disarm: () => disk.disarm(),
      get counted() {
        return disk.calls
      },
      failures: () => disk.failures().map(placeOf),
    },
    checkRunning: () => one.server.checkRunning(),
    async remove() {
      await one.remove()
      disk.remove()
    },
  }
}

/** Requests that are answered are charged once each; one that is refused, at most once. */
function requestsOf(databasePath: string): Trial {
  return {
    name: 'requests',
    async run({ url }, onRefused) {
      const answered: string[] = []
      const refused: string[] = []
      for (let i = 0; i < REQUESTS; i++) {
        const ask = async () => {
          const body = JSON.stringify({ model: 'text-embedding-v4', input: ['one', 'two words'] })
          const headers = { authorization: 'Bearer sk-chaos' }
          const answer = await fetch(`${url}/v1/embeddings`, { method: 'POST', headers, body })
          const id = answer.headers.get('x-request-id') ?? ''
          await answer.arrayBuffer()
          if (answer.status !== 200) {
            refused.push(id)
            throw new Unavailable(`${answer.status}`)
          }
          return id
        }
        answered.push(await untilAnswered(ask, { pollMs: 50, deadlineMs: CHARGED_WITHIN_MS, onRefused }))
      }
      const deadline = Date.now() + CHARGED_WITHIN_MS
      for (;;) {
        const charges = chargesOf(databasePath, answered)
        if (Date.now() > deadline) throw new Error(`${charges.length} charges for ${answered.length} answers`)
        if (charges.length >= answered.length) {
          const excess = chargesOf(databasePath, refused).length - refused.length
          return { tokens: charges.toSorted((one, other) => one - other), excess: Math.max(0, excess) }
        }
        await sleep(50)
      }
    },
  }
}

/** Tokens of each charge for one of these requests. */
function chargesOf(databasePath: string, references: readonly string[]): number[] {
  const database = new DatabaseSync(databasePath)
  try {
    const rows = database
      .prepare(`select tokens from ledger where reference in (${references.map(() => '?').join(', ')})`)
      .all(...references) as { tokens: number }[] // the query's own column
    return rows.map(({ tokens }) => tokens)
  } finally {
    database.close()
  }
}

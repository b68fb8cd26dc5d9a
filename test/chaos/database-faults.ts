import { setTimeout as sleep } from 'node:timers/promises'
import type { Campaign } from './campaign.js'
import { type OneServer, openOneServer } from './kill.js'
import { openSharedDatabase, type SharedDatabase } from './shared-database.js'

const LATENCY_MS = 500

interface OnPostgres extends OneServer {
  database: SharedDatabase
}

/** PostgreSQL crashes and starts again, its connections are reset, and answers take half a second: in turn, at random. */
export function databaseCampaign({ faults, config }: { faults: number; config: object }): Campaign<OnPostgres> {
  return {
    async open(settings) {
      const database = await openSharedDatabase()
      const one = await openOneServer({ ...settings, QUIVER_DATABASE_URL: database.url }, config)
      return {
        ...one,
        database,
        ledgerOf: (jobId) => database.ledgerOf(jobId),
        async remove() {
          await one.remove()
          await database.remove()
        },
      }
    },
    async disturb({ database, server }, { hasEnded, random, undisturbedMs, report }) {
      const { network } = database
      const kinds = [
        () => database.crash(),
        async () => network.reset(),
        async () => {
          network.latencyMs = LATENCY_MS
          await sleep(random() * 6000)
          network.latencyMs = 0
        },
      ]
      let done = 0
      while (done < faults && !hasEnded()) {
        await sleep((random() * 2 * undisturbedMs) / faults)
        if (hasEnded()) break
        server.checkRunning()
        await kinds[done % kinds.length]?.()
        done++
        if (done % 10 === 0) report(`${done} faults`)
      }
      return done
    },
  }
}

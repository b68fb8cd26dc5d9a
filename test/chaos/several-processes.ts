import { setTimeout as sleep } from 'node:timers/promises'
import type { Campaign, Deployment } from './campaign.js'
import { MortalServer } from './mortal-server.js'
import { settingsOfS3, startS3 } from './s3-server.js'
import { openSharedDatabase, type SharedDatabase } from './shared-database.js'

const APIS = 2
const WORKERS = 3

interface Several extends Deployment {
  apis: MortalServer[]
  workers: MortalServer[]
  database: SharedDatabase
}

/**
 * Two servers that answer and three that compute, on one PostgreSQL and one S3 service; those that compute are killed at
 * random, and one time in five one that answers.
 *
 * @param options.s3Server program of versitygw.
 */
export function severalCampaign({
  kills,
  config,
  s3Server,
}: {
  kills: number
  config: object
  s3Server: string
}): Campaign<Several> {
  return {
    async open(settings) {
      const database = await openSharedDatabase()
      const bucket = await startS3(s3Server)
      const shared = {
        ...settings,
        QUIVER_DATABASE_URL: database.url,
        QUIVER_SECRET: 'the same secret for every process',
        ...settingsOfS3(bucket.endpoint),
        QUIVER_THREADS: '1',
      }
      const start = (count: number, role: string) =>
        Promise.all(Array.from({ length: count }, () => MortalServer.create({ ...shared, QUIVER_ROLE: role }, config)))
      const [apis, workers] = [await start(APIS, 'api'), await start(WORKERS, 'worker')]
      const all = [...apis, ...workers]
      for (const server of all) {
        server.launch()
        await server.untilReady()
      }
      const [front] = apis
      if (front === undefined) throw new TypeError('there is a first of two')
      return {
        apis,
        workers,
        database,
        url: front.url,
        stop: async () => void (await Promise.all(all.map((server) => server.kill('SIGTERM')))),
        ledgerOf: (jobId) => database.ledgerOf(jobId),
        async remove() {
          for (const server of all) await server.remove()
          await bucket.stop()
          await database.remove()
        },
      }
    },
    async disturb({ apis, workers }, { hasEnded, random, undisturbedMs, report }) {
      let done = 0
      while (done < kills && !hasEnded()) {
        await sleep((random() * 2 * undisturbedMs) / kills)
        if (hasEnded()) break
        for (const server of [...apis, ...workers]) server.checkRunning()
        const among = random() < 0.2 ? apis : workers
        const victim = among[Math.floor(random() * among.length)]
        await victim?.kill()
        victim?.launch()
        done++
        if (done % 10 === 0) report(`${done} kills`)
      }
      return done
    },
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from '@photostructure/sqlite'
import type { Campaign, Deployment } from './campaign.js'
import { MortalServer } from './mortal-server.js'

/** One server with everything in its home, SQLite among it. */
export interface OneServer extends Deployment {
  server: MortalServer
}

/**
 * @param config of the server.
 * @param environmentOf more of its environment, of the first launch.
 */
export async function openOneServer(
  settings: Readonly<Record<string, string>>,
  config: object = {},
  environmentOf: (server: MortalServer) => Readonly<Record<string, string>> = () => ({}),
): Promise<OneServer> {
  const server = await MortalServer.create(settings, config)
  server.launch(environmentOf(server))
  await server.untilReady()
  return {
    server,
    url: server.url,
    stop: () => server.kill('SIGTERM'),
    ledgerOf: async (jobId) => ledgerIn(server.databasePath, jobId),
    remove: () => server.remove(),
  }
}

/**
 * `SIGKILL` at random instants, and a new start at once.
 *
 * @param options.maxLifeMs longest life of a server, from its start; by default the kills are spread over the whole job.
 */
export function killCampaign({
  kills,
  maxLifeMs,
  config,
}: {
  kills: number
  maxLifeMs?: number
  config?: object
}): Campaign<OneServer> {
  return {
    open: (settings) => openOneServer(settings, config),
    async disturb({ server }, { hasEnded, random, undisturbedMs, report }) {
      const longestMs = maxLifeMs ?? (2 * undisturbedMs) / kills
      let done = 0
      while (done < kills && !hasEnded()) {
        const lifeMs = random() * longestMs
        // The first kill comes while the job runs, however fast the machine is.
        await sleep(done === 0 ? Math.min(lifeMs, undisturbedMs / 2) : lifeMs)
        if (hasEnded()) break
        await server.kill()
        done++
        server.launch()
        if (done % 10 === 0) report(`${done} kills`)
      }
      return done
    },
  }
}

function ledgerIn(path: string, jobId: string): { tokens: number; charges: number } {
  const database = new DatabaseSync(path)
  try {
    const row = database
      .prepare('select coalesce(sum(tokens), 0) as tokens, count(*) as charges from ledger where reference = ?')
      .get(jobId)
    const { tokens, charges } = row as { tokens: number; charges: number } // the query's own columns; there are others
    return { tokens, charges }
  } finally {
    database.close()
  }
}

import { openPostgres } from '@quiver/server/dist/stores/postgres/database.js'
import { startCluster } from '@quiver/server/dist/stores/postgres/test-cluster.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'

/** A PostgreSQL of the campaign's own, with a network between it and the servers. */
export interface SharedDatabase {
  /** For servers: through the network. */
  url: string
  network: FaultProxy
  /** End it as a crash would, and start it again. */
  crash(): Promise<void>
  ledgerOf(jobId: string): Promise<{ tokens: number; charges: number }>
  remove(): Promise<void>
}

export async function openSharedDatabase(): Promise<SharedDatabase> {
  const cluster = await startCluster()
  const direct = await cluster.newDatabase()
  const network = await startFaultProxy(Number(new URL(direct).port))
  const url = new URL(direct)
  url.port = String(network.port)
  return {
    url: url.href,
    network,
    crash: () => cluster.crash(),
    async ledgerOf(jobId) {
      const database = await openPostgres(direct)
      try {
        return await database
          .selectFrom('ledger')
          .select(({ fn }) => [fn.sum<number>('tokens').as('tokens'), fn.countAll<number>().as('charges')])
          .where('reference', '=', jobId)
          .executeTakeFirstOrThrow()
      } finally {
        await database.destroy()
      }
    },
    async remove() {
      network.close()
      await cluster.stop()
    },
  }
}

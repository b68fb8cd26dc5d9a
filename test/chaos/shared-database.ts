import { startCluster } from '@quiver/server/dist/stores/postgres/test-cluster.js'
import pg from 'pg'
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
      const client = new pg.Client({ connectionString: direct })
      await client.connect()
      try {
        const { rows } = await client.query(
          'select coalesce(sum(tokens), 0)::float8 as tokens, count(*)::int as charges from ledger where reference = $1',
          [jobId],
        )
        return rows[0]
      } finally {
        await client.end()
      }
    },
    async remove() {
      network.close()
      await cluster.stop()
    },
  }
}

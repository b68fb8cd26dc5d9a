import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { fileIndexSuite } from '../../files/file-index.suite.js'
import { jobStoreSuite } from '../../jobs/job-store.suite.js'
import { ledgerSuite } from '../../usage/ledger.suite.js'
import { createSqlFileIndex } from '../sql/file-index.js'
import { createSqlJobStore } from '../sql/job-store.js'
import { createSqlLedger } from '../sql/ledger.js'
import { openPostgres, serialize } from './database.js'
import { hasPostgres, startCluster } from './test-cluster.js'

describe.skipIf(!hasPostgres())('PostgreSQL, whose programs are on the path', () => {
  let cluster: Awaited<ReturnType<typeof startCluster>>
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())

  jobStoreSuite('PostgreSQL', async () => {
    const database = await openPostgres(await cluster.newDatabase())
    const store = createSqlJobStore(database, { serialize })
    return { store, ledger: createSqlLedger(database), close: () => database.destroy() }
  })

  fileIndexSuite('PostgreSQL', async () => {
    const database = await openPostgres(await cluster.newDatabase())
    return { index: createSqlFileIndex(database, { serialize }), close: () => database.destroy() }
  })

  ledgerSuite('PostgreSQL', async () => {
    const url = await cluster.newDatabase()
    const databases = [await openPostgres(url), await openPostgres(url)] as const
    return {
      ledger: createSqlLedger(databases[0]),
      another: createSqlLedger(databases[1]),
      close: async () => void (await Promise.all(databases.map((database) => database.destroy()))),
    }
  })

  test('a connection that breaks between the statements of a transaction fails that transaction, not the process', async () => {
    const database = await openPostgres(await cluster.newDatabase())
    const unhandled = vi.fn()
    process.on('uncaughtException', unhandled)
    const broken = database.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction)
      await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database)
      await sleep(200)
      await sql`select 1`.execute(transaction)
    })
    await expect(broken).rejects.toThrow()
    process.off('uncaughtException', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
    await sql`select 1`.execute(database)
    await database.destroy()
  })

  test('many processes that claim at once each get a part of their own', async () => {
    const url = await cluster.newDatabase()
    const first = await openPostgres(url)
    const databases = [first, await openPostgres(url), await openPostgres(url)]
    const stores = databases.map((database) => createSqlJobStore(database, { serialize }))
    const [store] = stores
    const now = new Date()
    const until = new Date(now.getTime() + 60_000)
    const options = { maxOpen: 100, minIntervalMs: 0 }
    for (let i = 0; i < 20; i++) {
      const job = { id: `job-${i}`, project: 'p', keyId: 'k', kind: 'task', source: 's', options: {} } as const
      await store?.submit({ ...job, lane: { name: 'lane', limit: 7 }, createdAt: now, expiresAt: until }, options)
    }
    const claims = await Promise.all(
      Array.from({ length: 60 }, (_, i) => stores[i % 3]?.claim({ holder: `h${i}`, now, until })),
    )
    const taken = claims.flatMap((lease) => lease?.job.id ?? [])
    expect(taken).toHaveLength(7)
    expect(new Set(taken).size).toBe(7)
    for (const database of databases) await database.destroy()
  })
})

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { DatabaseError } from '../../database-error.js'
import { fileIndexSuite } from '../../files/file-index.suite.js'
import { jobStoreSuite } from '../../jobs/job-store.suite.js'
import { ledgerSuite } from '../../usage/ledger.suite.js'
import { releasedSchemaSuite } from '../schema/released.suite.js'
import { createSqlFileIndex } from '../sql/file-index.js'
import { createSqlJobStore } from '../sql/job-store.js'
import { createSqlLedger } from '../sql/ledger.js'
import { openPostgres, serialize } from './database.js'
import { GUARDED, hasPostgres, runStatements, startCluster } from './test-cluster.js'

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

  releasedSchemaSuite('PostgreSQL', async (statements) => {
    const url = await cluster.newDatabase()
    await runStatements(url, statements)
    const database = await openPostgres(url)
    return { database, store: createSqlJobStore(database, { serialize }), close: () => database.destroy() }
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

  describe('what keeps it from being opened is one line, without the password', () => {
    let url: string
    /** The same address with another user, password, port or database. */
    const other = (changes: Partial<Record<'username' | 'password' | 'port' | 'pathname', string>>) =>
      Object.assign(new URL(url), changes).href
    const refusal = async (address: string): Promise<string> => {
      const error: unknown = await openPostgres(address).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(DatabaseError)
      const { message } = error as DatabaseError // as the line above has it
      expect(message).not.toMatch(/secret|\n/)
      return message
    }
    beforeAll(async () => {
      url = await cluster.newDatabase()
      const database = await openPostgres(url)
      await sql.raw(`create role ${GUARDED} login password 'right'`).execute(database)
      await database.destroy()
    })

    test('nobody listens', async () => {
      expect(await refusal(other({ port: '1', password: 'secret' }))).toBe(
        'databaseUrl: PostgreSQL at 127.0.0.1:1 cannot be reached (ECONNREFUSED); check that it runs, its host and its port.',
      )
    })

    test('the host is unknown', async () => {
      expect(await refusal('postgres://quiver:secret@nowhere.invalid/quiver')).toMatch(
        /^databaseUrl: PostgreSQL at nowhere\.invalid:5432 cannot be reached \(E(NOTFOUND|AI_AGAIN)\)/,
      )
    })

    test('who listens is no PostgreSQL server', async () => {
      const stranger = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
      await once(stranger, 'listening')
      const { port } = stranger.address() as AddressInfo // a TCP server that listens has one
      expect(await refusal(other({ port: String(port), password: 'secret' }))).toContain('cannot be reached')
      stranger.close()
    })

    test('the password is wrong, or missing', async () => {
      expect(await refusal(other({ username: GUARDED, password: 'secret' }))).toMatch(
        /^databaseUrl: PostgreSQL at 127\.0\.0\.1:\d+ refuses the user guarded; check user, password and pg_hba\.conf \(28P01\)\.$/,
      )
      expect(await refusal(other({ username: GUARDED }))).toMatch(
        /asks for a password of guarded, and there is none\.$/,
      )
    })

    test('the database is missing', async () => {
      expect(await refusal(other({ pathname: '/nothing' }))).toMatch(/has no database nothing; .* \(3D000\)\.$/)
    })

    test('the user may not make tables', async () => {
      const empty = new URL(await cluster.newDatabase())
      const address = Object.assign(empty, { username: GUARDED, password: 'right' }).href
      expect(await refusal(address)).toMatch(/does not let guarded make tables in test\d+; .* \(42501\)\.$/)
    })

    test('a later version was here', async () => {
      const newer = await cluster.newDatabase()
      const database = await openPostgres(newer)
      await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '2030')`.execute(database)
      await database.destroy()
      expect(await refusal(newer)).toMatch(/was changed by a later version than .* \(9999-later\); start that version/)
    })
  })

  test('many processes that claim at once each get a part of their own', async () => {
    const url = await cluster.newDatabase()
    const first = await openPostgres(url)
    const databases = [first, await openPostgres(url), await openPostgres(url)]
    const stores = databases.map((database) => createSqlJobStore(database, { serialize }))
    const [store] = stores
    const now = new Date()
    const until = new Date(now.getTime() + 60_000)
    const options = { maxOpen: 100, minIntervalMs: 0, maxBytes: 1e12 }
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

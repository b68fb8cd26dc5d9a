import { readFileSync } from 'node:fs'
import { type Kysely, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { ForeignSpace } from '../../jobs/foreign-space.js'
import type { JobStore } from '../../jobs/job-store.js'
import type { Charge } from '../../usage/ledger.js'
import { createSqlFileIndex } from '../sql/file-index.js'
import { createSqlLedger } from '../sql/ledger.js'
import type { Tables } from './tables.js'

/** Each is the difference to the one before. A schema that is released gets a file here, which is never changed. */
const RELEASED = ['0001-jobs', '0002-files', '0003-processes'] as const

const scriptsUpTo = (index: number) =>
  RELEASED.slice(0, index + 1)
    .map((name) => readFileSync(new URL(`./released/${name}.sql`, import.meta.url), 'utf8'))
    .join('\n')

/** Of what the fixtures' job was charged for. */
const SPACE = '0123456789abcdef'
const at = (ms: number) => new Date(ms)

/**
 * That a database of any released version is opened with everything that is in it.
 *
 * @param open makes a database by running the statements, and opens it as a server does.
 */
export function releasedSchemaSuite(
  name: string,
  open: (statements: string) => Promise<{ database: Kysely<Tables>; store: JobStore; close(): Promise<void> }>,
): void {
  describe.each(RELEASED.map((schema, index) => ({ schema, index })))(
    `${name}, of the released schema $schema`,
    ({ index }) => {
      test('keeps its jobs, files and charges; jobs that ran go on to their end', async () => {
        const { database, store, close } = await open(scriptsUpTo(index))
        const ledger = createSqlLedger(database)

        const { jobs } = await store.list({ project: 'p', kind: 'task', limit: 10 })
        expect(jobs.map(({ id, state, spaces }) => [id, state, spaces])).toEqual([
          ['ended', 'succeeded', []],
          ['running', 'computing', []],
          ['waiting', 'queued', []],
        ])
        expect(jobs[0]).toMatchObject({
          tokens: 35,
          results: { output: 'results/ended.txt.gz' },
          purgeAt: at(87400500),
        })
        expect(await ledger.totalsOf('p', 'r')).toMatchObject({ tokens: Number.MAX_SAFE_INTEGER })

        const claim = () => store.claim({ holder: 'b', now: at(2_000_000), until: at(2_030_000) })
        const stages: string[] = []
        for (let lease = await claim(); lease !== undefined; lease = await claim()) {
          const { job, stage, firstLine, lineCount } = lease
          stages.push(`${job.id} ${stage} ${firstLine} ${lease.failures}`)
          if (stage === 'finish') {
            expect(await store.partsOf(lease)).toEqual(
              [0, 1000, 2000].map((line) => expect.objectContaining({ firstLine: line })),
            )
            const end = { state: 'succeeded', notify: false, purgeAt: at(3e9), now: at(2_000_001) } as const
            expect(await store.end(lease, end)).toBe(true)
          }
          if (stage !== 'compute') continue
          const charge: Charge = {
            id: `${job.id} ${firstLine}`,
            project: 'p',
            keyId: 'k',
            kind: 'shard',
            reference: job.id,
            model: 'm',
            space: SPACE,
            inputs: lineCount,
            tokens: 10,
            priceMicrosPer1kTokens: 700,
            at: at(2_000_000),
          }
          const result = { completedLines: lineCount, failedLines: 0, tokens: 10, engineSpace: 'e', charges: [charge] }
          if (firstLine === 1000) {
            const foreign = { ...result, charges: [{ ...charge, space: 'other' }] }
            await expect(store.commitShard(lease, foreign, at(2_000_000))).rejects.toBeInstanceOf(ForeignSpace)
          }
          expect(await store.commitShard(lease, result, at(2_000_000))).toBe(true)
        }
        expect(stages.toSorted()).toEqual([
          'running compute 1000 0',
          'running compute 2000 1',
          'running finish 0 0',
          'waiting plan 0 0',
        ])
        expect(await store.find('p', 'task', 'running')).toMatchObject({ completedLines: 2490, tokens: 7020 })
        expect(await ledger.totalsOf('p', 'running')).toMatchObject({ charges: 3, inputs: 2490, tokens: 7020 })

        const file = await createSqlFileIndex(database).find('p', 'file', 'file-1', at(0))
        expect(file?.bytes).toBe(index >= 1 ? 500_000_000 : undefined)
        await close()
      })
    },
  )

  test(`${name} refuses to change or remove what was charged`, async () => {
    const { database, close } = await open(scriptsUpTo(RELEASED.length - 1))
    for (const statement of [
      'update ledger set tokens = 0',
      'delete from ledger',
      "delete from ledger where id = 'request:r'",
    ]) {
      await expect(sql.raw(statement).execute(database)).rejects.toThrow('the ledger is append-only')
    }
    expect(await createSqlLedger(database).totalsOf('p', 'running')).toMatchObject({ charges: 1, tokens: 7000 })
    await close()
  })
}

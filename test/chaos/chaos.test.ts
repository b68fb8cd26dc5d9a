import { hasPostgres } from '@quiver/server/dist/stores/postgres/test-cluster.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Campaign, type Deployment, runCampaign } from './campaign.js'
import { databaseCampaign } from './database-faults.js'
import { diskCampaign } from './disk-faults.js'
import { openOnFaultyDisk } from './disk-sweep.js'
import { canMakeFaultyDisk } from './faulty-disk.js'
import { killCampaign } from './kill.js'
import { configFor, startStandIn } from './stand-in.js'
import { runSweep } from './sweep.js'

const DEADLINE_MS = 900_000
let model: Awaited<ReturnType<typeof startStandIn>>
let config: object
beforeAll(async () => {
  model = await startStandIn(300)
  config = configFor(model.url)
})
afterAll(() => model.close())

async function survive<Servers extends Deployment>(campaign: Campaign<Servers>): Promise<void> {
  const reports = await runCampaign(campaign, { taskLines: 2000, batchLines: 1500, seed: 7 })
  for (const { workload, disturbances, isEqual, disturbed } of reports) {
    expect(disturbed, workload).toMatchObject({ lost: 0, doubled: 0 })
    expect(isEqual, workload).toBe(true)
    expect(disturbances, workload).toBeGreaterThan(0)
  }
}

describe('nothing is lost, doubled or charged twice', () => {
  test('when the server is killed', () => survive(killCampaign({ kills: 3, maxLifeMs: 3000, config })), DEADLINE_MS)

  test.skipIf(!hasPostgres())(
    'when PostgreSQL, whose programs are on the path, crashes, or its connections break or are slow',
    () => survive(databaseCampaign({ faults: 3, config })),
    DEADLINE_MS,
  )

  test.skipIf(!canMakeFaultyDisk())(
    'when the disk, made with a C compiler on Linux, is full, broken, or takes half',
    () => survive(diskCampaign({ faults: 3, config })),
    DEADLINE_MS,
  )

  test.skipIf(!canMakeFaultyDisk())(
    'when the k-th call of a small job, or of some requests, fails on such a disk, for every 29th k',
    async () => {
      const options = { lines: 40, counts: [1], stride: 29, only: [], report: () => {} }
      const reports = await runSweep((settings) => openOnFaultyDisk(settings, config), options)
      expect(reports.flatMap(({ wrong }) => wrong)).toEqual([])
      // Nothing was tried where the disk was not asked for anything.
      expect(reports.filter(({ trial }) => trial !== 'requests').every(({ steps }) => steps > 29)).toBe(true)
    },
    DEADLINE_MS,
  )
})

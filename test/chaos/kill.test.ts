import { expect, test } from 'vitest'
import { killCampaign } from './kill.js'

test('a server that is killed loses no line, doubles none, and charges each token once', async () => {
  const reports = await killCampaign({ kills: 3, taskLines: 2000, batchLines: 1500, maxLifeMs: 3000, seed: 7 })
  for (const { workload, kills, isEqual, disturbed } of reports) {
    expect(disturbed, workload).toMatchObject({ lost: 0, doubled: 0 })
    expect(isEqual, workload).toBe(true)
    expect(kills, workload).toBeGreaterThan(0)
  }
}, 300_000)

import { expect, test } from 'vitest'
import { runCampaign } from './campaign.js'
import { killCampaign } from './kill.js'

test('a server that is killed loses no line, doubles none, and charges each token once', async () => {
  const campaign = killCampaign({ kills: 3, maxLifeMs: 3000 })
  const reports = await runCampaign(campaign, { taskLines: 2000, batchLines: 1500, seed: 7 })
  for (const { workload, disturbances, isEqual, disturbed } of reports) {
    expect(disturbed, workload).toMatchObject({ lost: 0, doubled: 0 })
    expect(isEqual, workload).toBe(true)
    expect(disturbances, workload).toBeGreaterThan(0)
  }
}, 300_000)

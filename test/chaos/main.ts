/**
 * `npm run chaos -- CAMPAIGN [options]`: kill, kill-built-in, database, several, disk, clock.
 * `npm run chaos -- disk --every`, `npm run chaos -- s3 --every`: a small job for each k, whose k-th step fails.
 *
 * `--times n` disturbances of each workload, `--task-lines n`, `--batch-lines n`, `--seed n`, `--max-life-ms n` (kills),
 * `--answer-ms n` (time of a call of the stand-in model), `--s3-server PROGRAM` (several, s3); with `--every`: `--lines n`,
 * `--stride n` (1: every k), `--only task`, `batch`, `requests` or a fault, several times.
 */
import { parseArgs } from 'node:util'
import { type CampaignReport, runCampaign } from './campaign.js'
import { clockCampaign } from './clock-jumps.js'
import { databaseCampaign } from './database-faults.js'
import { diskCampaign } from './disk-faults.js'
import { openOnFaultyDisk } from './disk-sweep.js'
import { killCampaign } from './kill.js'
import { openOnFaultyS3 } from './s3-sweep.js'
import { severalCampaign } from './several-processes.js'
import { configFor, startStandIn } from './stand-in.js'
import { runSweep, type SweepReport } from './sweep.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '100' },
    'task-lines': { type: 'string', default: '100000' },
    'batch-lines': { type: 'string', default: '50000' },
    'max-life-ms': { type: 'string' },
    'answer-ms': { type: 'string', default: '300' },
    's3-server': { type: 'string', default: 'versitygw' },
    seed: { type: 'string', default: '1' },
    every: { type: 'boolean', default: false },
    lines: { type: 'string', default: '40' },
    stride: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [] },
  },
})
const times = Number(values.times)
const lives = values['max-life-ms'] === undefined ? {} : { maxLifeMs: Number(values['max-life-ms']) }
const options = {
  taskLines: Number(values['task-lines']),
  batchLines: Number(values['batch-lines']),
  seed: Number(values.seed),
  report: (line: string) => console.log(line),
}
const program = values['s3-server']
const sweep = { lines: Number(values.lines), stride: Number(values.stride), only: values.only, report: options.report }
const model = await startStandIn(Number(values['answer-ms']))
const config = configFor(model.url)
const SWEEPS: Readonly<Record<string, () => Promise<SweepReport[]>>> = {
  disk: () => runSweep((settings) => openOnFaultyDisk(settings, config), { ...sweep, counts: [1] }),
  s3: () => runSweep((settings) => openOnFaultyS3(settings, { config, program }), { ...sweep, counts: [1, 4] }),
}
const CAMPAIGNS: Readonly<Record<string, () => Promise<CampaignReport[]>>> = {
  kill: () => runCampaign(killCampaign({ kills: times, config, ...lives }), options),
  'kill-built-in': () => runCampaign(killCampaign({ kills: times, ...lives }), options),
  database: () => runCampaign(databaseCampaign({ faults: times, config }), options),
  clock: () => runCampaign(clockCampaign({ jumps: times, config }), options),
  disk: () => runCampaign(diskCampaign({ faults: times, config }), options),
  several: () => runCampaign(severalCampaign({ kills: times, config, s3Server: program }), options),
}
const known: Readonly<Record<string, () => Promise<(CampaignReport | SweepReport)[]>>> = values.every
  ? SWEEPS
  : CAMPAIGNS
const run = known[positionals[0] ?? '']
if (run === undefined) throw new Error(`name one of: ${Object.keys(known).join(', ')}`)
const reports = await run()
model.close()
for (const report of reports) console.log(JSON.stringify(report, null, 2))
process.exitCode = reports.every(({ isEqual }) => isEqual) ? 0 : 1

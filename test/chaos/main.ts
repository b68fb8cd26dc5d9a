/** `npm run chaos -- kill [--kills n] [--task-lines n] [--batch-lines n] [--max-life-ms n] [--seed n]` */
import { parseArgs } from 'node:util'
import { killCampaign } from './kill.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '100' },
    'task-lines': { type: 'string', default: '100000' },
    'batch-lines': { type: 'string', default: '50000' },
    'max-life-ms': { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})

if (positionals[0] !== 'kill') throw new Error('name a campaign: kill')
const reports = await killCampaign({
  kills: Number(values.kills),
  taskLines: Number(values['task-lines']),
  batchLines: Number(values['batch-lines']),
  ...(values['max-life-ms'] !== undefined && { maxLifeMs: Number(values['max-life-ms']) }),
  seed: Number(values.seed),
  report: (line) => console.log(line),
})
for (const report of reports) console.log(JSON.stringify(report, null, 2))
process.exitCode = reports.every(({ isEqual }) => isEqual) ? 0 : 1

/** `npm run fuzz -- [--requests n] [--seed n] [--concurrency n] [--only attempt]` */
import { parseArgs } from 'node:util'
import { startServer, type TestServer } from '../contract/node/server.js'
import { attemptOf, runCampaign } from './campaign.js'
import { exchange } from './exchange.js'
import { residentMb, slopeOf } from './memory.js'
import { toBytes } from './message.js'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '16' },
    only: { type: 'string' },
  },
})
/** Share of a campaign after which caches are full and memory must no longer grow. */
const WARM_UP = 0.25
/**
 * What resident memory may still grow by in 100,000 requests, MB. It goes up and down by 60 as the heap is collected or
 * not; a leak of a kilobyte a request would be 100.
 */
const MAX_GROWTH_MB = 100
const seed = Number(values.seed)

const server = await startServer()
try {
  if (values.only === undefined) await runAll(server, Number(values.requests))
  else await runOne(server, Number(values.only))
} finally {
  await server.stop()
}

async function runAll({ url, pid, output }: TestServer, requests: number): Promise<void> {
  const memory: [requests: number, mb: number][] = []
  const report = await runCampaign({
    url,
    seed,
    requests,
    concurrency: Number(values.concurrency),
    onProgress(sent) {
      if (sent < (memory.at(-1)?.[0] ?? 0) + requests / 200) return
      const mb = residentMb(pid)
      if (mb !== undefined) memory.push([sent, mb])
      if (memory.length % 20 === 0) process.stderr.write(`fuzz: ${sent} requests, ${mb?.toFixed(0)} MB\n`)
    },
  })
  const growthMb = slopeOf(memory.filter(([sent]) => sent > requests * WARM_UP)) * 100_000
  const logged = output()
    .split('\n')
    .filter((line) => /"level":[56]0|Error|Warning/.test(line))
  console.log(
    JSON.stringify(
      {
        ...report,
        complaints: Object.entries(report.complaints).map(
          ([complaint, attempts]) => `${attempts.length} × ${complaint}: attempts ${attempts.slice(0, 8).join(', ')}`,
        ),
        memoryMb: memory.filter((_, i) => i % 20 === 0).map(([, mb]) => Math.round(mb)),
        growthMbPer100000: Math.round(growthMb * 10) / 10,
        logged: logged.slice(0, 20),
      },
      null,
      1,
    ),
  )
  if (Object.keys(report.complaints).length > 0 || logged.length > 0 || growthMb > MAX_GROWTH_MB) process.exitCode = 1
}

async function runOne({ url }: TestServer, number: number): Promise<void> {
  const { hostname, port } = new URL(url)
  const attempt = attemptOf(seed, number)
  console.log(attempt.delivery, attempt.cut)
  for (const message of attempt.messages) console.log(toBytes(message).toString('latin1').slice(0, 2_000), '\n')
  const { answers, fault } = await exchange(attempt, { host: hostname, port: Number(port) })
  console.log(fault ?? '')
  for (const { status, headers, body } of answers) console.log(status, headers, body.toString().slice(0, 500))
}

/** `npm run fuzz -- [--requests n] [--seed n] [--concurrency n] [--only attempt]` */
import { parseArgs } from 'node:util'
import { startServer, type TestServer } from '../contract/node/server.js'
import { attemptOf, runCampaign } from './campaign.js'
import { exchange } from './exchange.js'
import { fitLine, type Line, type MemorySample, probeOptions, sampleMemory } from './memory.js'
import { toBytes } from './message.js'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '16' },
    only: { type: 'string' },
  },
})
/** How often the server rests and its memory is measured. */
const SAMPLES = 100
/** Share of a campaign after which caches are full and memory must no longer grow. */
const WARM_UP = 0.25
/**
 * What a request may leave behind, bytes. A leak of one small object a request is some 100; of one buffer, thousands. What is
 * kept on purpose, such as 8 MiB of buffers for answers, fills at chance and is why it is not 0. Resident memory also
 * holds what the allocator keeps for later and what the engine's threads have not collected yet.
 */
const MAX_HEAP_BYTES = 64
const MAX_RSS_BYTES = 512
/** In a shorter campaign caches and compiled code still fill; its memory is told but not judged. */
const LEAST_JUDGED = 50_000
/** Sockets of clients that went without a word, and what always runs. */
const MAX_RESOURCES = 64
const seed = Number(values.seed)

const server = await startServer([], {}, probeOptions(new URL('./memory-probe.js', import.meta.url).href))
try {
  if (values.only === undefined) await runAll(server, Number(values.requests))
  else await runOne(server, Number(values.only))
} finally {
  await server.stop()
}

async function runAll({ url, process: own, output }: TestServer, requests: number): Promise<void> {
  if (own === undefined) throw new TypeError('the memory of a server that ran already cannot be measured')
  const samples: [sent: number, sample: MemorySample][] = []
  const report = await runCampaign({
    url,
    seed,
    requests,
    concurrency: Number(values.concurrency),
    onRest: {
      times: SAMPLES,
      async call(sent) {
        const sample = await sampleMemory(own)
        samples.push([sent, sample])
        if (samples.length % 10 === 0) process.stderr.write(`fuzz: ${sent} requests, ${describe(sample)}\n`)
      },
    },
  })
  const steady = samples.filter(([sent]) => sent > requests * WARM_UP)
  const growth = (of: (sample: MemorySample) => number) => fitLine(steady.map(([sent, sample]) => [sent, of(sample)]))
  const [heap, rss] = [growth((sample) => sample.heap), growth((sample) => sample.rss)]
  const last = samples.at(-1)?.[1]
  const logged = output()
    .split('\n')
    .filter((line) => /"level":[56]0|Error|Warning/.test(line))
  const complaints = Object.entries(report.complaints).map(
    ([complaint, attempts]) => `${attempts.length} × ${complaint}: attempts ${attempts.slice(0, 8).join(', ')}`,
  )
  const bounds: [string, Line, number][] = [
    ['the heap', heap, MAX_HEAP_BYTES],
    ['resident memory', rss, MAX_RSS_BYTES],
  ]
  for (const [what, { slope }, most] of requests < LEAST_JUDGED ? [] : bounds) {
    if (slope > most) complaints.push(`${what} grows by more than ${most} bytes a request`)
  }
  if (last !== undefined && countOf(last) > MAX_RESOURCES) complaints.push(`left open: ${describeResources(last)}`)
  const memory = {
    samples: samples.filter((_, i) => (i + 1) % 10 === 0).map(([sent, sample]) => `${sent}: ${describe(sample)}`),
    heapBytesARequest: describeLine(heap),
    rssBytesARequest: describeLine(rss),
  }
  console.log(JSON.stringify({ ...report, complaints, memory, logged: logged.slice(0, 20) }, null, 1))
  if (complaints.length > 0 || logged.length > 0) process.exitCode = 1
}

function describe(sample: MemorySample): string {
  const { rss, heap } = sample
  return `${toMb(rss)} MB resident, ${toMb(heap)} MB heap, ${countOf(sample)} open: ${describeResources(sample)}`
}

function countOf({ resources }: MemorySample): number {
  return Object.values(resources).reduce((sum, count) => sum + count, 0)
}

function describeResources({ resources }: MemorySample): string {
  return Object.entries(resources)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
}

function describeLine({ slope, error }: Line): string {
  return `${slope.toFixed(1)} ± ${error.toFixed(1)}`
}

function toMb(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
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

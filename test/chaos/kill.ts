import { setTimeout as sleep } from 'node:timers/promises'
import Libsql from 'libsql'
import { MortalServer } from './mortal-server.js'
import { batchOf, type Outcome, outcomeOf, serveText, taskOf, textLines, type Workload } from './workload.js'

export interface KillOptions {
  kills: number
  taskLines: number
  batchLines: number
  seed: number
  /** Longest life of a server, from its start; as given by default, the kills are spread over the whole of the job. */
  maxLifeMs?: number
  report?: (line: string) => void
}

export interface KillReport {
  workload: string
  lines: number
  kills: number
  undisturbed: Outcome & { ledgerTokens: number; seconds: number }
  disturbed: Outcome & { ledgerTokens: number; charges: number; seconds: number }
  isEqual: boolean
}

/** Both workloads undisturbed, then both under kills. */
export async function killCampaign(options: KillOptions): Promise<KillReport[]> {
  const texts = textLines(options.taskLines)
  const place = await serveText(texts.map((text) => `${text}\n`).join('')) // the last line may be blank
  const random = randomOf(options.seed)
  try {
    const reports = []
    for (const workload of [taskOf(place.url, texts.length), batchOf(textLines(options.batchLines))]) {
      reports.push(await killDuring(workload, { ...options, random, host: place.host }))
    }
    return reports
  } finally {
    place.close()
  }
}

async function killDuring(
  workload: Workload,
  {
    kills,
    maxLifeMs: givenLifeMs,
    random,
    host,
    report = () => {},
  }: KillOptions & { random: () => number; host: string },
): Promise<KillReport> {
  const settings = { QUIVER_EGRESS_ALLOW: host }
  const undisturbed = await withServer(settings, async (server) => {
    const startedAt = performance.now()
    const outcome = await outcomeOf(workload, server.url, await workload.submit(server.url))
    await server.kill('SIGTERM')
    const seconds = (performance.now() - startedAt) / 1000
    return { ...outcome, ledgerTokens: ledgerOf(server, outcome.jobId).tokens, seconds }
  })
  report(`${workload.name}: undisturbed in ${undisturbed.seconds.toFixed(1)} s, sha256 ${undisturbed.sha256}`)
  const maxLifeMs = givenLifeMs ?? (2 * undisturbed.seconds * 1000) / kills
  let done = 0
  const disturbed = await withServer(settings, async (server) => {
    const startedAt = performance.now()
    const jobId = await workload.submit(server.url)
    let hasEnded = false
    const ending = outcomeOf(workload, server.url, jobId).finally(() => {
      hasEnded = true
    })
    ending.catch(() => {}) // it is awaited below
    while (done < kills && !hasEnded) {
      await sleep(random() * maxLifeMs)
      if (hasEnded) break
      await server.kill()
      done++
      server.launch()
      if (done % 10 === 0) report(`${workload.name}: ${done} kills`)
    }
    const outcome = await ending
    await server.kill('SIGTERM')
    return { ...outcome, ...ledgerOf(server, jobId), seconds: (performance.now() - startedAt) / 1000 }
  })
  const { tokens: ledgerTokens, ...rest } = disturbed
  return {
    workload: workload.name,
    lines: workload.lines,
    kills: done,
    undisturbed,
    disturbed: { ...rest, ledgerTokens },
    isEqual:
      undisturbed.sha256 === disturbed.sha256 &&
      disturbed.lost === 0 &&
      disturbed.doubled === 0 &&
      undisturbed.ledgerTokens === ledgerTokens,
  }
}

async function withServer<Value>(
  settings: Readonly<Record<string, string>>,
  work: (server: MortalServer) => Promise<Value>,
): Promise<Value> {
  const server = await MortalServer.create(settings)
  try {
    server.launch()
    await server.untilReady()
    return await work(server)
  } finally {
    await server.remove()
  }
}

/** What was charged for a job, read from the file of a server that has stopped. */
function ledgerOf(server: MortalServer, jobId: string): { tokens: number; charges: number } {
  const database = new Libsql(server.databasePath)
  try {
    const row = database
      .prepare('select coalesce(sum(tokens), 0) as tokens, count(*) as charges from ledger where reference = ?')
      .get(jobId)
    return row as { tokens: number; charges: number } // the query's own columns
  } finally {
    database.close()
  }
}

/** Mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

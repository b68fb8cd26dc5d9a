import { batchOf, type Outcome, outcomeOf, serveText, taskOf, textLines, type Workload } from './workload.js'

/** Servers that belong together, in whatever state they are. */
export interface Deployment {
  /** Of a server that takes requests. */
  url: string
  /** End every server in order. */
  stop(): Promise<void>
  /** What was charged for a job; the servers have stopped. */
  ledgerOf(jobId: string): Promise<{ tokens: number; charges: number }>
  /** Whatever state it is in, leave nothing behind. */
  remove(): Promise<void>
}

/** One way in which servers are disturbed. */
export interface Campaign<Servers extends Deployment> {
  /** @param settings every server gets. */
  open(settings: Readonly<Record<string, string>>): Promise<Servers>
  /** Disturb until told that the job has ended, or enough. @returns how often. */
  disturb(servers: Servers, disturbance: Disturbance): Promise<number>
}

export interface Disturbance {
  hasEnded(): boolean
  random(): number
  /** How long the undisturbed job took. */
  undisturbedMs: number
  report(what: string): void
}

export interface CampaignOptions {
  taskLines: number
  batchLines: number
  seed: number
  report?: (line: string) => void
}

export interface CampaignReport {
  workload: string
  lines: number
  disturbances: number
  undisturbed: Outcome & { ledgerTokens: number; seconds: number }
  disturbed: Outcome & { ledgerTokens: number; charges: number; seconds: number }
  isEqual: boolean
}

/** A task and a batch, undisturbed and then disturbed: what comes out must be the same. */
export async function runCampaign<Servers extends Deployment>(
  campaign: Campaign<Servers>,
  { taskLines, batchLines, seed, report = () => {} }: CampaignOptions,
): Promise<CampaignReport[]> {
  const texts = textLines(taskLines)
  const place = await serveText(texts.map((text) => `${text}\n`).join('')) // the last line may be blank
  const random = randomOf(seed)
  const settings = { QUIVER_EGRESS_ALLOW: place.host }
  try {
    const reports = []
    for (const workload of [taskOf(place.url, texts.length), batchOf(textLines(batchLines))]) {
      reports.push(await compare(workload, campaign, { settings, random, report }))
    }
    return reports
  } finally {
    place.close()
  }
}

async function compare<Servers extends Deployment>(
  workload: Workload,
  campaign: Campaign<Servers>,
  {
    settings,
    random,
    report,
  }: { settings: Readonly<Record<string, string>>; random: () => number; report: (line: string) => void },
): Promise<CampaignReport> {
  const about = (text: string) => report(`${new Date().toISOString()} ${workload.name}: ${text}`)
  const run = async (during: (servers: Servers, hasEnded: () => boolean) => Promise<void>) => {
    const servers = await campaign.open(settings)
    try {
      const startedAt = performance.now()
      const jobId = await workload.submit(servers.url)
      let isOver = false
      const ending = outcomeOf(workload, servers.url, jobId).finally(() => {
        isOver = true
      })
      ending.catch(() => {}) // it is awaited below
      await during(servers, () => isOver)
      const outcome = await ending
      const seconds = (performance.now() - startedAt) / 1000
      await servers.stop()
      const { tokens: ledgerTokens, charges } = await servers.ledgerOf(jobId)
      return { ...outcome, ledgerTokens, charges, seconds }
    } finally {
      await servers.remove()
    }
  }
  const undisturbed = await run(async () => {})
  about(`undisturbed in ${undisturbed.seconds.toFixed(1)} s, sha256 ${undisturbed.sha256}`)
  let disturbances = 0
  const disturbed = await run(async (servers, hasEnded) => {
    disturbances = await campaign.disturb(servers, {
      hasEnded,
      random,
      undisturbedMs: undisturbed.seconds * 1000,
      report: about,
    })
  })
  about(`disturbed ${disturbances} times, in ${disturbed.seconds.toFixed(1)} s, sha256 ${disturbed.sha256}`)
  return {
    workload: workload.name,
    lines: workload.lines,
    disturbances,
    undisturbed,
    disturbed,
    isEqual:
      undisturbed.sha256 === disturbed.sha256 &&
      disturbed.lost === 0 &&
      disturbed.doubled === 0 &&
      undisturbed.ledgerTokens === disturbed.ledgerTokens,
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

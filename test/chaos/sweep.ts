/**
 * A systematic sweep: a small job, once for every k from 1 to K, of whose steps the k-th fails; K is where a job ends before
 * its k-th step. What comes out must be the same each time. Requests that are refused meanwhile are sent again, as a client
 * does; how many were is told.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from './campaign.js'
import { batchOf, outcomeOf, serveText, taskOf, textLines, untilAnswered, type Workload } from './workload.js'

/** Steps of servers that can be made to fail. */
export interface Steps<Fault extends string> {
  readonly faults: readonly Fault[]
  /** From now on count the steps that this can strike; the `at`-th fails, and `count` − 1 after it. */
  arm(fault: Fault, at: number, count: number): void
  disarm(): void
  /** Steps that were counted since. */
  readonly counted: number
  /** What has failed since the server was opened. */
  failures(): string[]
}

/** Servers whose steps can fail. */
export interface Sweepable<Fault extends string> extends Deployment {
  steps: Steps<Fault>
  /** @throws {Error} when a server has ended by itself. */
  checkRunning(): void
  /** Further things that are tried at every k. */
  trials?: readonly Trial[]
}

/** Something small that is done again and again. */
export interface Trial {
  name: string
  /** @returns what must be the same each time. @throws {Error} when it does not come to an end. */
  run(servers: Deployment, onRefused: () => void): Promise<object>
}

export interface SweepOptions {
  lines: number
  /** Steps that fail one after the other: of a client that tries three times itself, one failure shows little. */
  counts: readonly number[]
  /** 1: every k. */
  stride: number
  /** Of trials and faults those named; all of them, where none is named. */
  only: readonly string[]
  report(line: string): void
}

export interface SweepReport {
  trial: string
  fault: string
  count: number
  /** Steps that failed in turn: K. */
  steps: number
  runs: number
  refused: number
  /** What came out otherwise, and after which failure; empty when all is well. */
  wrong: string[]
  isEqual: boolean
}

const TRIAL_DEADLINE_MS = 300_000
const POLL_MS = 50
/** Jobs without a k-th step, one after the other, until there is none: steps of housekeeping come and go. */
const MISSES = 3
/** What a job leaves to be done after its end is part of it: until nothing has been counted for this time. */
const QUIET_MS = 200
const LONGEST_QUIET_MS = 3000

export async function runSweep<Fault extends string>(
  open: (settings: Readonly<Record<string, string>>) => Promise<Sweepable<Fault>>,
  { lines, counts, stride, only, report }: SweepOptions,
): Promise<SweepReport[]> {
  const texts = textLines(lines)
  const place = await serveText(texts.map((text) => `${text}\n`).join(''))
  const servers = await open({ QUIVER_EGRESS_ALLOW: place.host })
  try {
    const jobs = [taskOf(place.url, lines), batchOf(texts)].map(trialOf)
    const reports = []
    const trials = [...jobs, ...(servers.trials ?? [])]
    const { faults } = servers.steps
    const isWanted = (name: string, all: readonly string[]) =>
      only.includes(name) || !all.some((other) => only.includes(other))
    const names = trials.map(({ name }) => name)
    for (const trial of trials.filter(({ name }) => isWanted(name, names))) {
      for (const fault of faults.filter((name) => isWanted(name, faults))) {
        for (const count of counts) {
          const found = await sweepOne(trial, { servers, fault, count, stride })
          report(`${new Date().toISOString()} ${JSON.stringify(found)}`)
          reports.push(found)
        }
      }
    }
    await servers.stop()
    return reports
  } finally {
    await servers.remove()
    place.close()
  }
}

async function sweepOne<Fault extends string>(
  trial: Trial,
  { servers, fault, count, stride }: { servers: Sweepable<Fault>; fault: Fault; count: number; stride: number },
): Promise<SweepReport> {
  const { steps } = servers
  const found: SweepReport = {
    trial: trial.name,
    fault,
    count,
    steps: 0,
    runs: 0,
    refused: 0,
    wrong: [],
    isEqual: true,
  }
  const onRefused = () => {
    found.refused++
  }
  const expected = JSON.stringify(await trial.run(servers, () => {}))
  for (let k = 1, misses = 0; misses < (stride === 1 ? MISSES : 1); k += stride) {
    const before = steps.failures().length
    steps.arm(fault, k, count)
    const came = await trial.run(servers, onRefused).then(JSON.stringify, String)
    await untilQuiet(steps)
    steps.disarm()
    servers.checkRunning()
    const failed = steps.failures().slice(before)
    if (came !== expected) found.wrong.push(`k = ${k}, ${failed.join(', ')}: ${came} instead of ${expected}`)
    found.runs++
    if (failed.length > 0) found.steps = k
    misses = failed.length > 0 ? 0 : misses + 1
  }
  return { ...found, isEqual: found.wrong.length === 0 }
}

async function untilQuiet(steps: Steps<string>): Promise<void> {
  const deadline = performance.now() + LONGEST_QUIET_MS
  for (let before = -1; before !== steps.counted && performance.now() < deadline; ) {
    before = steps.counted
    await sleep(QUIET_MS)
  }
}

/** A job from its submission to its last line, and what was charged for it. */
function trialOf(workload: Workload): Trial {
  return {
    name: workload.name,
    async run(servers, onRefused) {
      const patience = { pollMs: POLL_MS, deadlineMs: TRIAL_DEADLINE_MS, onRefused }
      const key = randomUUID()
      const jobId = await untilAnswered(() => workload.submit(servers.url, key), patience)
      const { sha256, lost, doubled } = await outcomeOf(workload, servers.url, jobId, patience)
      return { sha256, lost, doubled, ...(await servers.ledgerOf(jobId)) }
    },
  }
}

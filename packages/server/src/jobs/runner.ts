import { ApiError, ERRORS } from '@quiver/protocol'
import type { Embed } from '../embedding/embed.js'
import type { BlobStore } from '../files/blob-store.js'
import type { Logger } from '../telemetry/log.js'
import { createAftermathOf, type EndRules } from './aftermath.js'
import { computeShard } from './compute-shard.js'
import { finishJob, type Published, type Publisher } from './finish-job.js'
import { ForeignSpace } from './foreign-space.js'
import { removeParts } from './housekeeping.js'
import type { Fault, Job, JobKind, Lease, Stage, TerminalState } from './job.js'
import { progressOf } from './job.js'
import { BLAMED_LOSSES, type JobStore } from './job-store.js'
import { keepLease } from './keep-lease.js'
import type { LineFormat } from './line-format.js'
import { JobFaults, type OpenInput, planJob } from './plan-job.js'

/** What a kind of job needs besides the engine. */
export interface JobRules extends EndRules {
  format: LineFormat
  publisher: Publisher
  /** Tell whoever waits for word of the end. @throws when they could not be told. */
  notify(job: Job, signal: AbortSignal): Promise<void>
}

export interface RunnerOptions {
  store: JobStore
  blobs: BlobStore
  embed: Embed
  openInput: OpenInput
  rules: Readonly<Record<JobKind, JobRules>>
  /** Name of this process among all that ever ran. */
  holder: string
  /** Parts worked on at a time. */
  slots: number
  leaseMs: number
  /** How often a slot looks for work when it was not told of any. */
  pollMs: number
  now: () => Date
  /** Until what failed this often is tried again. */
  backoffMs(failures: number, stage: Stage): number
  log: Logger
}

/** Works on jobs until it is closed. */
export interface Runner {
  /** There may be something to do. */
  wake(): void
  /** Give back what is being worked on. Resolves when nothing is. */
  close(): Promise<void>
}

/** A plan that failed this often is not tried again: a minute or so. */
const MAX_FAILURES = 6
/** The same of a plan that failed for reasons of this server's own, such as a disk or a bucket that is away: an hour or so. */
const MAX_OWN_FAILURES = 20
/** For how long the caller is told of the end again and again: a receiver's deployment, or its night, is no reason to stop. */
const NOTICE_MS = 24 * 3600 * 1000
/** Planning, finishing and notifying are not split; after so many crashes they are given up. */
const MAX_LOSSES = BLAMED_LOSSES
/**
 * For so long a job waits, with nothing of it computed, for a process that can compute it: one whose model is the one that
 * computed its first lines, or is there at all. A model that was replaced by mistake, or in one process of several, is put
 * right in less.
 */
const MISFIT_PATIENCE_MS = 3_600_000
/** Errors that may be gone the next time, besides those that the table calls so. */
const WORTH_RETRYING: ReadonlySet<string> = new Set(['download_failed'])

/** Start working on jobs: `slots` loops, each of which claims a part, works on it, and commits it. */
export function startRunner(options: RunnerOptions): Runner {
  const { store, slots, pollMs, log } = options
  const stopped = new AbortController()
  const bell = new Bell()
  const loop = async () => {
    while (!stopped.signal.aborted) {
      try {
        const now = options.now()
        const lease = await store.claim({
          holder: options.holder,
          now,
          until: new Date(now.getTime() + options.leaseMs),
        })
        if (lease === undefined) await bell.heard(pollMs, stopped.signal)
        else {
          await work(lease, options, stopped.signal)
          bell.ring() // a part that was committed can have made others
        }
      } catch (error) {
        // The store itself failed. The lease runs out by itself; the part is then taken again.
        log.error({ cause: error }, 'a part of a job could not be claimed or settled')
        await bell.heard(pollMs, stopped.signal)
      }
    }
  }
  const loops = Promise.all(Array.from({ length: slots }, loop))
  return {
    wake: () => bell.ring(),
    async close() {
      stopped.abort()
      await loops
    },
  }
}

/** Work on one part. Whatever happens it is committed, given back, or no longer ours. */
async function work(lease: Lease, options: RunnerOptions, stopped: AbortSignal): Promise<void> {
  const { store, now, log } = options
  const { job, stage, firstLine } = lease
  const about = { jobId: job.id, stage, firstLine, fence: lease.fence }
  const keeper = keepLease(lease, options, stopped)
  try {
    const isOurs = await workAt(lease, options, keeper.signal)
    if (!isOurs) log.warn(about, 'a part was finished by another holder; nothing of this one counts')
  } catch (error) {
    if (keeper.signal.aborted) {
      await store.release(lease, { notBefore: now() })
      return
    }
    const faults = faultsOf(error, lease, options)
    // What is wrong with an input is told its caller, in words that quote it; the log has no inputs.
    if (error instanceof JobFaults) log.info({ ...about, code: faults?.[0]?.code }, 'the input of a job is wrong')
    else log.warn({ ...about, failures: lease.failures + 1, cause: error }, 'a part of a job failed')
    if (faults !== undefined) await giveUp(lease, faults, options)
    else {
      const notBefore = new Date(now().getTime() + options.backoffMs(lease.failures, stage))
      await store.release(lease, { notBefore, failure: { name: toApiError(error).row, at: now() } })
    }
  } finally {
    await keeper.stop()
  }
}

/** @returns whether the lease was still the newest at the commit. */
async function workAt(lease: Lease, options: RunnerOptions, signal: AbortSignal): Promise<boolean> {
  const { store, blobs, embed, now, log } = options
  const { job, stage } = lease
  const { format, publisher, notify } = options.rules[job.kind]
  if (lease.losses >= MAX_LOSSES && stage !== 'compute') throw new JobFaults([lostFault(lease, options)])
  switch (stage) {
    case 'plan': {
      if (job.outcome !== undefined) return end(lease, { state: job.outcome }, options)
      const plan = await planJob(lease, { format, blobs, openInput: options.openInput, signal })
      return store.commitPlan(lease, { ...plan, now: now() })
    }
    case 'compute': {
      const backoffMs = (failures: number) => options.backoffMs(failures, stage)
      const result = await computeShard(lease, { format, blobs, embed, now, backoffMs, signal })
      const isOurs = await store.commitShard(lease, result, now())
      const after = isOurs ? await store.find(job.project, job.kind, job.id) : undefined
      if (after !== undefined) log.info({ jobId: job.id, ...progressOf(after, now()) }, 'progress of a job')
      return isOurs
    }
    case 'finish': {
      const published = await finishJob(lease, { store, blobs, publisher, signal })
      return end(lease, { state: job.outcome ?? 'succeeded', faults: job.faults, ...published }, options)
    }
    case 'notify':
      await notify(job, signal)
      return store.settle(lease, 'told')
  }
}

async function end(
  lease: Lease,
  outcome: { state: TerminalState; faults?: readonly Fault[] } & Partial<Published>,
  { store, blobs, rules, now, log }: RunnerOptions,
): Promise<boolean> {
  const at = now()
  const isOurs = await store.end(lease, { ...outcome, ...createAftermathOf(rules)(lease.job, at), now: at })
  if (!isOurs) return false
  log.info({ jobId: lease.job.id, state: outcome.state }, 'a job has ended')
  await removeParts(lease.job.id, blobs).catch((error: unknown) => {
    log.warn({ jobId: lease.job.id, cause: error }, 'parts of a job are left to the sweep')
  })
  return true
}

async function giveUp(lease: Lease, faults: readonly Fault[], options: RunnerOptions): Promise<void> {
  const { store, now } = options
  if (lease.stage === 'notify') await store.settle(lease, 'given_up')
  else if (lease.stage !== 'compute') await end(lease, { state: 'failed', faults }, options)
  // What other shards came to was charged and must be shown: the job goes on to its end, without computing.
  else if (lease.job.outcome === undefined) await store.fail(lease, faults)
  // Its lines cannot even be read to say that they were not computed.
  else await store.commitShard(lease, { ...NOTHING, failedLines: lease.lineCount }, now())
}

const NOTHING = { completedLines: 0, tokens: 0, charges: [] } as const

/** What ends the job; `undefined` when the part is to be tried again. */
function faultsOf(error: unknown, lease: Lease, { rules, now }: RunnerOptions): readonly Fault[] | undefined {
  if (error instanceof JobFaults) return error.faults
  const known = toApiError(error)
  const fault = () => [{ ...rules[lease.job.kind].format.toFault(known), row: known.row }]
  if (lease.stage === 'notify') return isNoticeOverdue(lease.job, now()) ? fault() : undefined
  const isWorthRetrying = ERRORS[known.row][4] || WORTH_RETRYING.has(known.row)
  // Lines are never lost to a server that has a bad hour: what computes, or puts together what was computed and charged, is
  // tried again for as long as it takes.
  const isPatient = lease.stage === 'compute' || lease.stage === 'finish'
  const most = lease.stage === 'plan' && known.row === 'internal' ? MAX_OWN_FAILURES : MAX_FAILURES
  if (isWorthRetrying && (isPatient || lease.failures + 1 < most)) return undefined
  if (lease.stage === 'compute' && waitedMs(lease, { error: known, at: now() }) < MISFIT_PATIENCE_MS) return undefined
  return fault()
}

function isNoticeOverdue({ endedAt }: Job, now: Date): boolean {
  return endedAt === undefined || now.getTime() - endedAt.getTime() >= NOTICE_MS
}

/** For how long this shard has failed with this error alone, while nothing else of its job was computed either. */
function waitedMs({ job, lastFailure, failingSince }: Lease, { error, at }: { error: ApiError; at: Date }): number {
  if (failingSince === undefined || lastFailure !== error.row) return 0
  return at.getTime() - Math.max(failingSince.getTime(), job.progressedAt?.getTime() ?? 0)
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (!(error instanceof ForeignSpace)) return internalError(error)
  const message =
    'The model was replaced while the job ran: the other lines would be of another vector space. Submit the input again to have all of it in the new one.'
  return new ApiError('space_changed', message, { cause: error })
}

function lostFault({ job }: Lease, { rules }: RunnerOptions): Fault {
  return rules[job.kind].format.toFault(internalError(undefined))
}

function internalError(cause: unknown): ApiError {
  return new ApiError('internal', 'An internal error has occured, please try again later or contact service support.', {
    cause,
  })
}

/** Wakes those that wait for work. */
class Bell {
  #waiting: (() => void)[] = []

  ring(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  heard(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        const place = this.#waiting.indexOf(wake)
        if (place !== -1) this.#waiting.splice(place, 1) // an idle server would gather one a second
        resolve()
      }
      const timer = setTimeout(wake, timeoutMs)
      signal.addEventListener('abort', wake, { once: true })
      if (signal.aborted) wake()
      else this.#waiting.push(wake)
    })
  }
}

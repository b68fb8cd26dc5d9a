import type { ErrorName } from '@quiver/protocol'

/** The wire views of a job: a DashScope task, an OpenAI batch. */
export type JobKind = 'task' | 'batch'

/**
 * queued → planning → computing → finishing → succeeded, failed, cancelled or expired.
 *
 * `cancelling` stands for any of the middle three once the job was asked to stop.
 */
export type JobState =
  | 'queued'
  | 'planning'
  | 'computing'
  | 'finishing'
  | 'cancelling'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'expired'

/** States in which a job stays. */
export const TERMINAL_STATES = ['succeeded', 'failed', 'cancelled', 'expired'] as const satisfies readonly JobState[]
export type TerminalState = (typeof TERMINAL_STATES)[number]

/** How a job ends before its lines are computed. What was computed is put together and shown all the same. */
export type EarlyOutcome = 'cancelled' | 'expired' | 'failed'

/** Why a job failed; of a line, where there is one. */
export interface Fault {
  code: string
  message: string
  param?: string
  /** From 1. */
  line?: number
  /** Its row in the table of errors, where lines that were not computed fail for this reason. */
  row?: ErrorName
}

/** What the caller asked for. */
export interface NewJob {
  id: string
  project: string
  keyId: string
  kind: JobKind
  /** Absent where the lines say it. */
  model?: string
  /** URL or file id of the input, as the caller wrote it. */
  source: string
  name?: string
  /** What the kind of job knows besides; JSON. */
  options: Readonly<Record<string, unknown>>
  /** Jobs of one lane run at most `limit` at a time; further ones wait. */
  lane: { name: string; limit: number }
  createdAt: Date
  /** What is not computed by then is given up. */
  expiresAt: Date
}

/** Word of a job's end to whoever asked for it. */
export interface Notice {
  state: 'waiting' | 'told' | 'given_up'
  /** Tries that failed. */
  failures: number
}

/** A job as it stands. */
export interface Job extends NewJob {
  state: JobState
  outcome?: EarlyOutcome
  /** Key of the blob with the lines. */
  inputKey?: string
  totalLines?: number
  /** Lines that have a result, and lines that have an error. Blank ones are among the former. */
  completedLines: number
  failedLines: number
  tokens: number
  /** What computes it, from the first result on; no other engine's vectors are taken. */
  engineSpace?: string
  /** Vector spaces of the results so far, one for each dimension and length that the lines ask for. */
  spaces: readonly string[]
  faults: readonly Fault[]
  /** What came out, by what is in it; values mean something to the kind of job. */
  results: Readonly<Record<string, string>>
  startedAt?: Date
  plannedAt?: Date
  /** When a shard was last committed. */
  progressedAt?: Date
  computedAt?: Date
  cancelAskedAt?: Date
  endedAt?: Date
  /** Once the job has ended, if somebody is to be told. */
  notice?: Notice
  /** When the job is forgotten. */
  purgeAt: Date
}

/** What is leased as a whole: making the plan, computing some lines, putting results together, telling the caller. */
export type Stage = 'plan' | 'compute' | 'finish' | 'notify'

/** Lines that are computed as a whole. */
export interface ShardPlan {
  /** From 0. */
  firstLine: number
  lineCount: number
  /** Offset in the input at which reading begins. */
  startByte: number
}

/** A part of a job, in the hands of one holder until the lease ends. */
export interface Lease extends ShardPlan {
  job: Job
  stage: Stage
  /** Lines from `startByte` on that are before `firstLine`. */
  skipLines: number
  /** Raised by each lease of this part; only the newest may commit. */
  fence: number
  holder: string
  /** Earlier leases that ended without a word: the process died, or was too slow. */
  losses: number
  /** Earlier leases that were given back with an error. */
  failures: number
  /** The last of these errors, and since when there was no other. */
  lastFailure?: string
  failingSince?: Date
}

/** How far a job is. */
export interface JobProgress {
  completed: number
  failed: number
  total?: number
  linesPerSecond?: number
  /** Estimated; absent while there is nothing to go by. */
  secondsLeft?: number
}

/** Progress and rate since the lines began to be computed, up to `now` or to the last line. */
export function progressOf(job: Job, now: Date): JobProgress {
  const { completedLines: completed, failedLines: failed, totalLines: total, plannedAt, computedAt, endedAt } = job
  const done = completed + failed
  const seconds = plannedAt === undefined ? 0 : ((computedAt ?? endedAt ?? now).getTime() - plannedAt.getTime()) / 1000
  const linesPerSecond = done > 0 && seconds > 0 ? done / seconds : undefined
  return {
    completed,
    failed,
    ...(total !== undefined && { total }),
    ...(linesPerSecond !== undefined && { linesPerSecond }),
    ...(linesPerSecond !== undefined &&
      total !== undefined &&
      endedAt === undefined && { secondsLeft: (total - done) / linesPerSecond }),
  }
}

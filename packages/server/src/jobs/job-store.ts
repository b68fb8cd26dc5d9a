import type { JobLoad } from '../telemetry/job-metrics.js'
import type { Charge } from '../usage/ledger.js'
import type { Fault, Job, JobKind, JobState, Lease, NewJob, Notice, ShardPlan, TerminalState } from './job.js'

/** A submission that the client may repeat. */
export interface Idempotency {
  operation: string
  /** What the client calls this submission. */
  key: string
  /** SHA-256 of what it submits. */
  fingerprint: string
}

/** For how long a client may repeat a submission under its key. */
export const IDEMPOTENCY_KEPT_MS = 24 * 3600 * 1000

export interface SubmitOptions {
  idempotency?: Idempotency
  /** Unfinished jobs that the lane may have; one more is refused. */
  maxOpen: number
  /** Least time between two jobs of the lane. */
  minIntervalMs: number
  /** Bytes that the project may keep: its files, inputs of open jobs, results. */
  maxBytes: number
}

/** Which jobs; every condition given must hold. */
export interface JobQuery {
  project: string
  kind: JobKind
  id?: string
  states?: readonly JobState[]
  model?: string
  keyId?: string
  /** Part of the name. */
  nameContains?: string
  sources?: readonly string[]
  /** Instants of creation, both inclusive. */
  createdFrom?: Date
  createdUntil?: Date
  /** Only jobs older than this one, by its id. */
  afterId?: string
  offset?: number
  limit: number
}

/** What a shard came to. */
export interface ShardResult {
  /** Blobs of this shard alone; absent when it has no such lines. */
  outputKey?: string
  errorKey?: string
  completedLines: number
  /** At most; of lines that could not be read, some may have no answer. */
  failedLines: number
  tokens: number
  /** What computed its vectors; absent when it has none. */
  engineSpace?: string
  charges: readonly Charge[]
}

/** The blobs of a computed shard. */
export interface ShardParts {
  firstLine: number
  outputKey?: string
  errorKey?: string
}

/** What follows the end of a job. */
export interface Aftermath {
  /** Whether the caller is to be told: a last part of that stage follows. */
  notify: boolean
  /** When the job is forgotten. */
  purgeAt: Date
}
/** Depends on the kind of job, which only those who know its rules can tell. */
export type AftermathOf = (job: Job, endedAt: Date) => Aftermath

/** After these many leases that ended without a word, a part is suspected of ending the process. */
export const SUSPICIOUS_LOSSES = 3
/**
 * After these many a single line is blamed. More than suspicion needs: of a process that is killed every few seconds, for
 * reasons of its own, some line is always the last.
 */
export const BLAMED_LOSSES = 8
/** Into so many parts a suspected shard is split, to find the line. */
export const SPLIT_PARTS = 10

/**
 * Jobs and their parts. Every method is one transaction.
 *
 * A part belongs to the holder of its newest lease. Each method that takes a lease answers `false`, and changes nothing,
 * when the lease is no longer the newest: what an old holder computed is then nobody's.
 */
export interface JobStore {
  /**
   * Keep a job, or find the one that was kept under the same idempotency key in the last {@link IDEMPOTENCY_KEPT_MS}.
   *
   * @throws {ApiError} `idempotency_conflict` for the same key with another body; `rate_limited` over a limit;
   *   `file_quota_exceeded` where nothing more may be kept.
   */
  submit(job: NewJob, options: SubmitOptions): Promise<Job>
  /** Of this project and kind only: a foreign job does not exist. */
  find(project: string, kind: JobKind, id: string): Promise<Job | undefined>
  /** Newest first, and how many there are regardless of offset, `afterId` and limit. */
  list(query: JobQuery): Promise<{ jobs: Job[]; total: number }>
  /** How many jobs there are and what waits, of all projects. */
  load(now: Date): Promise<JobLoad>
  /**
   * Ask a job to stop. One that has not begun ends at once; others when their leases know.
   *
   * @param options.onlyQueued leave a job alone that has begun.
   * @param options.aftermathOf asked of one that ends at once.
   * @returns the job as it then stands.
   */
  cancel(
    job: Pick<Job, 'project' | 'kind' | 'id'>,
    options: { now: Date; onlyQueued: boolean; aftermathOf: AftermathOf },
  ): Promise<Job | undefined>
  /** Give up what is not computed of jobs that have had their time; one that has not begun ends at once. @returns how many. */
  expire(now: Date, aftermathOf: AftermathOf): Promise<number>

  /**
   * Take the next part that waits, or whose holder has not been heard of: of the project that waited longest,
   * and of its job that did. A shard that was
   * lost {@link SUSPICIOUS_LOSSES} times is split by {@link SPLIT_PARTS}, so that a line that ends the process is found.
   */
  claim(options: { holder: string; now: Date; until: Date }): Promise<Lease | undefined>
  /** Hold on to a part. `unwanted`: the job was asked to stop since; give the part back. */
  renew(lease: Lease, until: Date): Promise<'held' | 'lost' | 'unwanted'>
  /** Give a part back: after a failure, or (without one) because the process stops. */
  release(lease: Lease, options: { notBefore: Date; failure?: { name: string; at: Date } }): Promise<boolean>
  /**
   * Give a shard back for good: the job ends as `failed`, with what was computed until then. As with a job that was
   * cancelled, its shards are still to be committed, by who claims them next. One that ends early already ends as it would.
   */
  fail(lease: Lease, faults: readonly Fault[]): Promise<boolean>
  /** Who holds parts. */
  holders(): Promise<string[]>
  /** The leases of these holders end now. */
  disown(holders: readonly string[]): Promise<void>

  /** The plan is made: its shards can be computed; without any, the job is put together next. */
  commitPlan(
    lease: Lease,
    plan: {
      model: string
      inputKey: string
      inputBytes: number
      totalLines: number
      shards: readonly ShardPlan[]
      now: Date
    },
  ): Promise<boolean>
  /**
   * A shard's blobs, its charges and its state, together; after the last one the job is put together.
   *
   * The first result says in which space the job is computed.
   * @throws {ForeignSpace} when the shard's vectors are of another one; nothing is changed then.
   */
  commitShard(lease: Lease, result: ShardResult, now: Date): Promise<boolean>
  /** The computed shards in order of their lines. */
  partsOf(lease: Lease): Promise<ShardParts[]>
  /** The job ends. */
  end(
    lease: Lease,
    end: Aftermath & {
      state: TerminalState
      faults?: readonly Fault[]
      results?: Readonly<Record<string, string>>
      /** Of results that are no files of the caller. */
      keptBytes?: number
      now: Date
    },
  ): Promise<boolean>
  /** Nothing is left to do for this part: the caller was told, or is not to be told any more. */
  settle(lease: Lease, notice: Exclude<Notice['state'], 'waiting'>): Promise<boolean>

  /** Ids of jobs to be forgotten. */
  purgeable(now: Date, limit: number): Promise<string[]>
  /** Forget a job. The ledger keeps its rows. */
  purge(id: string): Promise<void>
  /** Forget idempotency keys that are older than {@link IDEMPOTENCY_KEPT_MS}; they mean nothing any more. */
  forgetKeys(now: Date): Promise<void>
  /** Of these ids, those of jobs that are there. */
  knownAmong(ids: readonly string[]): Promise<Map<string, { hasEnded: boolean }>>
}

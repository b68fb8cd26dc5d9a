import type { Insertable, Selectable } from 'kysely'
import type { Fault, Job, JobKind, JobState, Lease, NewJob, Stage } from '../../../jobs/job.js'
import type { Tables } from '../../schema/tables.js'

type JobRow = Selectable<Tables['jobs']>
type ShardRow = Selectable<Tables['shards']>

/** The casts hold because only this module writes these columns, from values of these types. */
export function toJob(row: JobRow): Job {
  const isStopping = row.ended_at === null && row.outcome === 'cancelled'
  return {
    id: row.id,
    project: row.project,
    keyId: row.key_id,
    kind: row.kind as JobKind,
    state: isStopping ? 'cancelling' : (row.state as JobState),
    ...(row.outcome !== null && { outcome: row.outcome as NonNullable<Job['outcome']> }),
    lane: { name: row.lane, limit: row.lane_limit },
    ...(row.model !== null && { model: row.model }),
    source: row.source,
    ...(row.input_key !== null && { inputKey: row.input_key }),
    ...(row.name !== null && { name: row.name }),
    options: JSON.parse(row.options) as Job['options'],
    ...(row.total_lines !== null && { totalLines: row.total_lines }),
    completedLines: row.completed_lines,
    failedLines: row.failed_lines,
    tokens: row.tokens,
    ...(row.engine_space !== null && { engineSpace: row.engine_space }),
    spaces: JSON.parse(row.spaces) as string[],
    faults: JSON.parse(row.faults) as Fault[],
    results: JSON.parse(row.results) as Job['results'],
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
    purgeAt: new Date(row.purge_at),
    ...instant('startedAt', row.started_at),
    ...instant('plannedAt', row.planned_at),
    ...instant('progressedAt', row.progressed_at),
    ...instant('computedAt', row.computed_at),
    ...instant('cancelAskedAt', row.cancel_asked_at),
    ...instant('endedAt', row.ended_at),
  }
}

/** A job that has not begun. */
export function toJobRow(job: NewJob): Insertable<Tables['jobs']> {
  return {
    id: job.id,
    project: job.project,
    key_id: job.keyId,
    kind: job.kind,
    state: 'queued',
    lane: job.lane.name,
    lane_limit: job.lane.limit,
    model: job.model ?? null,
    source: job.source,
    name: job.name ?? null,
    options: JSON.stringify(job.options),
    created_at: job.createdAt.getTime(),
    expires_at: job.expiresAt.getTime(),
    purge_at: job.expiresAt.getTime(),
    completed_lines: 0,
    failed_lines: 0,
    tokens: 0,
    spaces: '[]',
    faults: '[]',
    results: '{}',
    served_at: 0,
  }
}

/** The lease of a part as its row stands after the claim. */
export function toLease(job: Job, row: ShardRow, holder: string): Lease {
  return {
    job,
    stage: row.stage as Stage,
    firstLine: row.first_line,
    lineCount: row.line_count,
    startByte: row.start_byte,
    skipLines: row.skip_lines,
    fence: row.fence,
    holder,
    losses: row.losses,
    failures: row.failures,
    ...(row.last_error !== null && { lastFailure: row.last_error }),
    ...instant('failingSince', row.failing_since),
  }
}

function instant<Name extends string>(name: Name, at: number | null): { [Key in Name]?: Date } {
  // TypeScript does not see that a computed key of one literal type is that key.
  return at === null ? {} : ({ [name]: new Date(at) } as { [Key in Name]: Date })
}

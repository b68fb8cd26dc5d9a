import type { Lease, Stage } from '../../../jobs/job.js'
import type { Tables } from '../../schema/tables.js'
import type { Queries } from './transactions.js'

/** A part of a job, of whichever stage; the table is named after the most of them. */
export type PartRow = Tables['shards']

/** Something more to do for a job; it waits to be claimed. */
export async function insertPart(
  queries: Queries,
  jobId: string,
  stage: Stage,
  lines: Partial<Pick<PartRow, 'first_line' | 'line_count' | 'start_byte' | 'skip_lines' | 'losses'>> = {},
): Promise<void> {
  const row = { first_line: 0, line_count: 0, start_byte: 0, skip_lines: 0, losses: 0, ...lines }
  await queries
    .insertInto('shards')
    .values({ job_id: jobId, stage, state: 'waiting', fence: 0, failures: 0, not_before: 0, ...row })
    .execute()
}

/** What only the newest lease may do. @returns whether this is it. */
export async function updatePart(queries: Queries, lease: Lease, changes: Partial<PartRow>): Promise<boolean> {
  const { numUpdatedRows } = await queries
    .updateTable('shards')
    .set(changes)
    .where('job_id', '=', lease.job.id)
    .where('stage', '=', lease.stage)
    .where('first_line', '=', lease.firstLine)
    .where('state', '=', 'leased')
    .where('fence', '=', lease.fence)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The part is done. @returns whether this is its newest lease. */
export function finishPart(queries: Queries, lease: Lease, parts: Partial<PartRow> = {}): Promise<boolean> {
  return updatePart(queries, lease, { ...parts, state: 'done', holder: null, leased_until: null })
}

/** Nobody is to do what is left of a job. */
export async function dropParts(queries: Queries, jobId: string): Promise<void> {
  await queries.deleteFrom('shards').where('job_id', '=', jobId).where('state', '!=', 'done').execute()
}

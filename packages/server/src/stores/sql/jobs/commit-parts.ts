import { ForeignSpace } from '../../../jobs/foreign-space.js'
import type { Job } from '../../../jobs/job.js'
import type { JobStore, ShardResult } from '../../../jobs/job-store.js'
import { toLedgerRow } from '../ledger.js'
import { getJob } from './find-jobs.js'
import { dropParts, finishPart, insertPart, updatePart } from './parts.js'
import type { Queries, Transactions } from './transactions.js'

/** What each stage of a job came to, and which parts follow: plan, shards, end. */
export function commitParts(
  database: Queries,
  { change }: Transactions,
): Pick<JobStore, 'commitPlan' | 'commitShard' | 'partsOf' | 'end' | 'settle'> {
  return {
    commitPlan: (lease, { model, inputKey, inputBytes, totalLines, shards, now }) =>
      change(lease.job, async (transaction) => {
        if (!(await finishPart(transaction, lease))) return false
        await transaction
          .updateTable('jobs')
          .set({
            model,
            input_key: inputKey,
            kept_bytes: inputBytes,
            total_lines: totalLines,
            planned_at: now.getTime(),
            state: shards.length > 0 ? 'computing' : 'finishing',
            ...(shards.length === 0 && { computed_at: now.getTime() }),
          })
          .where('id', '=', lease.job.id)
          .execute()
        if (shards.length === 0) await insertPart(transaction, lease.job.id, 'finish')
        for (const { firstLine, lineCount, startByte } of shards) {
          await insertPart(transaction, lease.job.id, 'compute', {
            first_line: firstLine,
            line_count: lineCount,
            start_byte: startByte,
          })
        }
        return true
      }),

    commitShard: (lease, result, now) =>
      change(lease.job, async (transaction) => {
        const parts = { output_key: result.outputKey ?? null, error_key: result.errorKey ?? null }
        if (!(await finishPart(transaction, lease, parts))) return false
        const job = await getJob(transaction, lease.job.id)
        const space = await spaceAfter(transaction, job, result)
        await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({
            ...linesAfter(job, result),
            tokens: eb('tokens', '+', result.tokens),
            progressed_at: now.getTime(),
            ...space,
          }))
          .where('id', '=', lease.job.id)
          .execute()
        if (result.charges.length > 0) {
          await transaction.insertInto('ledger').values(result.charges.map(toLedgerRow)).execute()
        }
        if (await hasOpenShards(transaction, lease.job.id)) return true
        await transaction
          .updateTable('jobs')
          .set({ state: 'finishing', computed_at: now.getTime() })
          .where('id', '=', lease.job.id)
          .execute()
        await insertPart(transaction, lease.job.id, 'finish')
        return true
      }),

    async partsOf({ job }) {
      const rows = await database
        .selectFrom('shards')
        .select(['first_line', 'output_key', 'error_key'])
        .where('job_id', '=', job.id)
        .where('stage', '=', 'compute')
        .where('state', '=', 'done')
        .orderBy('first_line')
        .execute()
      return rows.map(({ first_line, output_key, error_key }) => ({
        firstLine: first_line,
        ...(output_key !== null && { outputKey: output_key }),
        ...(error_key !== null && { errorKey: error_key }),
      }))
    },

    end: (lease, { state, faults = [], results = {}, keptBytes = 0, notify, purgeAt, now }) =>
      change(lease.job, async (transaction) => {
        if (!(await finishPart(transaction, lease))) return false
        await transaction
          .updateTable('jobs')
          .set({
            state,
            faults: JSON.stringify(faults),
            results: JSON.stringify(results),
            kept_bytes: keptBytes,
            ended_at: now.getTime(),
            purge_at: purgeAt.getTime(),
          })
          .where('id', '=', lease.job.id)
          .execute()
        await dropParts(transaction, lease.job.id)
        if (notify) await insertPart(transaction, lease.job.id, 'notify')
        return true
      }),

    settle: (lease, notice) =>
      updatePart(database, lease, {
        state: notice === 'told' ? 'done' : notice,
        holder: null,
        leased_until: null,
      }),
  }
}

/**
 * How many lines have a result, and how many an error. Of a shard that could not be read nobody knows which lines have no
 * answer: those that have one say how many can have failed.
 */
function linesAfter(
  { completedLines, failedLines, totalLines = Number.POSITIVE_INFINITY }: Job,
  shard: ShardResult,
): { completed_lines: number; failed_lines: number } {
  const completed = completedLines + shard.completedLines
  return { completed_lines: completed, failed_lines: Math.min(failedLines + shard.failedLines, totalLines - completed) }
}

/** In which space the job is from now on. @throws {ForeignSpace} which undoes the transaction. */
async function spaceAfter(
  queries: Queries,
  known: Job,
  { engineSpace, charges }: ShardResult,
): Promise<{ engine_space?: string; spaces?: string }> {
  if (engineSpace === undefined) return {}
  if (known.engineSpace !== undefined && known.engineSpace !== engineSpace) {
    throw new ForeignSpace(known.engineSpace, engineSpace)
  }
  const added = charges.map(({ space }) => space)
  if (known.engineSpace === undefined) await checkCharged(queries, known.id, added)
  const spaces = new Set([...known.spaces, ...added])
  return { engine_space: engineSpace, spaces: JSON.stringify([...spaces]) }
}

/**
 * A job that was begun before engines were noted has charges only to tell its space: one of the added must be among them.
 *
 * @throws {ForeignSpace}
 */
async function checkCharged(queries: Queries, id: string, added: readonly string[]): Promise<void> {
  const rows = await queries
    .selectFrom('ledger')
    .select('space')
    .distinct()
    .where('reference', '=', id)
    .where('kind', '=', 'shard')
    .execute()
  const charged = rows.map(({ space }) => space)
  if (charged.length === 0 || added.some((space) => charged.includes(space))) return
  throw new ForeignSpace(charged.join(', '), added.join(', '))
}

async function hasOpenShards(queries: Queries, jobId: string): Promise<boolean> {
  const open = await queries
    .selectFrom('shards')
    .select('first_line')
    .where('job_id', '=', jobId)
    .where('stage', '=', 'compute')
    .where('state', '!=', 'done')
    .limit(1)
    .executeTakeFirst()
  return open !== undefined
}

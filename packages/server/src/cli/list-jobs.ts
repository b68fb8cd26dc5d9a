import type { BatchStatus, ListedTask, QuiverClient, TaskStatus } from '@quiver/client'
import Table from 'cli-table3'
import { EXIT, UserError } from './exit.js'
import type { JobView } from './job-progress.js'

export interface ListJobsOptions {
  status?: string
  limit: string
  json?: boolean
}

/** What a word asks of tasks, and of batches. */
interface Asked {
  task?: TaskStatus
  batches: readonly BatchStatus[]
}
/** The first five mean both kinds, the others are a batch's own. */
const STATUSES: ReadonlyMap<string, Asked> = new Map(
  Object.entries<Asked>({
    pending: { task: 'PENDING', batches: ['validating'] },
    running: { task: 'RUNNING', batches: ['in_progress', 'finalizing', 'cancelling'] },
    succeeded: { task: 'SUCCEEDED', batches: ['completed'] },
    failed: { task: 'FAILED', batches: ['failed'] },
    canceled: { task: 'CANCELED', batches: ['cancelled'] },
    validating: { batches: ['validating'] },
    in_progress: { batches: ['in_progress'] },
    finalizing: { batches: ['finalizing'] },
    completed: { batches: ['completed'] },
    expired: { batches: ['expired'] },
    cancelling: { batches: ['cancelling'] },
    cancelled: { batches: ['cancelled'] },
  }),
)
export const STATUS_WORDS = [...STATUSES.keys()].join(', ')
const MAX_LIMIT = 100

/** Tasks and batches together, the newest first. @throws {UserError} for a word or a number that is none. */
export async function listJobs(client: QuiverClient, options: ListJobsOptions): Promise<void> {
  const limit = parseLimit(options.limit)
  const asked = options.status === undefined ? undefined : options.status.split(',').map(parseStatus)
  const [tasks, batches] = [await tasksOf(client, { asked, limit }), await batchesOf(client, { asked, limit })]
  const jobs = [...tasks, ...batches]
  jobs.sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime())
  process.stdout.write(toText(jobs.slice(0, limit), options))
}

async function tasksOf(
  client: QuiverClient,
  { asked, limit }: { asked: Asked[] | undefined; limit: number },
): Promise<ListedTask[]> {
  if (asked === undefined) return client.tasks.list({ limit })
  const statuses = new Set(asked.flatMap(({ task }) => task ?? []))
  // The protocol takes one status a request.
  return (await Promise.all([...statuses].map((status) => client.tasks.list({ limit, status })))).flat()
}

async function batchesOf(client: QuiverClient, { asked, limit }: { asked: Asked[] | undefined; limit: number }) {
  if (asked === undefined) return client.batches.list({ limit })
  return client.batches.list({ limit, statuses: [...new Set(asked.flatMap(({ batches }) => batches))] })
}

function toText(
  jobs: readonly (JobView & { id: string; status: string; createdAt: Date })[],
  { json }: ListJobsOptions,
) {
  if (json === true) return `${JSON.stringify(jobs, null, 2)}\n`
  const head = ['id', 'status', 'progress', 'submitted']
  const table = new Table({ head, style: { head: [], border: [], compact: true } })
  for (const job of jobs) table.push([job.id, job.status, progressText(job), job.createdAt.toISOString()])
  return `${table.toString()}\n`
}

/** `1200/5000, 3 failed`; empty while the number of lines is unknown. */
export function progressText({ lines }: JobView): string {
  if (lines === undefined || lines.total === 0) return ''
  const done = (lines.completed ?? 0) + (lines.succeeded ?? 0) + lines.failed
  return `${done}/${lines.total}${lines.failed > 0 ? `, ${lines.failed} failed` : ''}`
}

function parseStatus(text: string): Asked {
  const found = STATUSES.get(text.trim().toLowerCase())
  if (found === undefined) throw new UserError(`--status must be some of ${STATUS_WORDS}; got ${text}.`, EXIT.usage)
  return found
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw new UserError(`--limit must be a whole number from 1 to ${MAX_LIMIT}; got ${text}.`, EXIT.usage)
}

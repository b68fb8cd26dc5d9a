import { type SelectQueryBuilder, sql } from 'kysely'
import type { Job, Notice } from '../../../jobs/job.js'
import type { JobQuery, JobStore } from '../../../jobs/job-store.js'
import type { Tables } from '../../schema/tables.js'
import { toJob } from './job-row.js'
import type { Queries } from './transactions.js'

/** A job's state, as `toJob` says it. */
export const STATE = sql<string>`case when ended_at is null and outcome = 'cancelled' then 'cancelling' else state end`

/** Looking for one job, and listing many. */
export function findJobs(database: Queries): Pick<JobStore, 'find' | 'list'> {
  return {
    async find(project, kind, id) {
      const job = await findJob(database, { project, kind, id })
      return job && (await withNotices(database, [job]))[0]
    },

    async list(query) {
      const { project, kind, afterId } = query
      const { count } = await filtered(database.selectFrom('jobs'), query)
        .select((expression) => expression.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      const after = afterId && (await findJob(database, { project, kind, id: afterId }))
      const rows = await filtered(database.selectFrom('jobs'), query)
        .selectAll()
        .$if(afterId !== undefined, (builder) =>
          after
            ? builder.where(({ eb, or, and }) =>
                or([
                  eb('created_at', '<', after.createdAt.getTime()),
                  and([eb('created_at', '=', after.createdAt.getTime()), eb('id', '<', after.id)]),
                ]),
              )
            : builder.where(sql<boolean>`1 = 0`),
        )
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(query.limit)
        .offset(query.offset ?? 0)
        .execute()
      return { jobs: await withNotices(database, rows.map(toJob)), total: Number(count) }
    },
  }
}

export async function findJob(
  queries: Queries,
  { project, kind, id }: Pick<Job, 'project' | 'kind' | 'id'>,
): Promise<Job | undefined> {
  const row = await queries
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', id)
    .where('project', '=', project)
    .where('kind', '=', kind)
    .executeTakeFirst()
  return row && toJob(row)
}

/** The same jobs, with what became of the word of their ends. */
async function withNotices(queries: Queries, jobs: Job[]): Promise<Job[]> {
  const ended = jobs.filter(({ endedAt }) => endedAt !== undefined).map(({ id }) => id)
  if (ended.length === 0) return jobs
  const rows = await queries
    .selectFrom('shards')
    .select(['job_id', 'state', 'failures'])
    .where('stage', '=', 'notify')
    .where('job_id', 'in', ended)
    .execute()
  const notices = new Map(rows.map(({ job_id, state, failures }) => [job_id, { state: noticeOf(state), failures }]))
  return jobs.map((job) => {
    const notice = notices.get(job.id)
    return notice === undefined ? job : { ...job, notice }
  })
}

function noticeOf(state: string): Notice['state'] {
  if (state === 'done') return 'told'
  return state === 'given_up' ? 'given_up' : 'waiting'
}

/** Of whatever project and kind it is. */
export async function getJob(queries: Queries, id: string): Promise<Job> {
  return toJob(await queries.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow())
}

function filtered<Selection>(
  builder: SelectQueryBuilder<Tables, 'jobs', Selection>,
  { project, kind, id, states, model, keyId, nameContains, sources, createdFrom, createdUntil }: JobQuery,
): SelectQueryBuilder<Tables, 'jobs', Selection> {
  let query = builder.where('project', '=', project).where('kind', '=', kind)
  if (id !== undefined) query = query.where('id', '=', id)
  if (model !== undefined) query = query.where('model', '=', model)
  if (keyId !== undefined) query = query.where('key_id', '=', keyId)
  if (nameContains !== undefined) {
    const pattern = `%${nameContains.replace(/[\\%_]/g, '\\$&')}%`
    query = query.where(sql<boolean>`name like ${pattern} escape '\\'`)
  }
  if (createdFrom !== undefined) query = query.where('created_at', '>=', createdFrom.getTime())
  if (createdUntil !== undefined) query = query.where('created_at', '<=', createdUntil.getTime())
  if (sources !== undefined) query = query.where('source', 'in', [...sources, ''])
  if (states !== undefined) {
    query = query.where(STATE, 'in', [...states, ''])
  }
  return query
}

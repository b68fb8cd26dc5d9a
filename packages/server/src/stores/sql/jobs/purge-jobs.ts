import { IDEMPOTENCY_KEPT_MS, type JobStore } from '../../../jobs/job-store.js'
import type { Queries } from './transactions.js'

/** Forgetting jobs, and telling which are not forgotten. */
export function purgeJobs(database: Queries): Pick<JobStore, 'purgeable' | 'purge' | 'forgetKeys' | 'knownAmong'> {
  return {
    async purgeable(now, limit) {
      const rows = await database
        .selectFrom('jobs')
        .select('id')
        .where('purge_at', '<=', now.getTime())
        .where('ended_at', 'is not', null)
        .limit(limit)
        .execute()
      return rows.map(({ id }) => id)
    },

    async purge(id) {
      await database.deleteFrom('jobs').where('id', '=', id).execute()
    },

    async forgetKeys(now) {
      const oldest = now.getTime() - IDEMPOTENCY_KEPT_MS
      await database.deleteFrom('idempotency_keys').where('created_at', '<=', oldest).execute()
    },

    async knownAmong(ids) {
      if (ids.length === 0) return new Map()
      const rows = await database.selectFrom('jobs').select(['id', 'ended_at']).where('id', 'in', ids).execute()
      return new Map(rows.map(({ id, ended_at }) => [id, { hasEnded: ended_at !== null }]))
    },
  }
}

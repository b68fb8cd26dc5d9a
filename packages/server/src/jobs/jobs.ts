import type { Job, NewJob } from './job.js'
import type { AftermathOf, JobStore, SubmitOptions } from './job-store.js'

/** What endpoints may do with jobs. */
export interface Jobs extends Pick<JobStore, 'find' | 'list'> {
  /** @throws {ApiError} as `JobStore.submit` does. */
  submit(
    job: Omit<NewJob, 'id' | 'createdAt' | 'expiresAt'> & { idPrefix?: string; lifeMs: number },
    options: SubmitOptions,
  ): Promise<Job>
  cancel(job: Pick<Job, 'project' | 'kind' | 'id'>, options: { onlyQueued: boolean }): Promise<Job | undefined>
  now(): Date
}

/** @param options.wake tells those that work on jobs that there is something to do. */
export function createJobs(
  store: JobStore,
  options: { now: () => Date; newId: () => string; aftermathOf: AftermathOf; wake: () => void },
): Jobs {
  const { now, newId, aftermathOf, wake } = options
  return {
    async find(...which) {
      const job = await store.find(...which)
      // Its row goes with the next round of housekeeping; its time is over now.
      const isOver = job?.endedAt !== undefined && job.purgeAt <= now()
      return isOver ? undefined : job
    },
    list: (query) => store.list(query),
    async submit({ idPrefix = '', lifeMs, ...wanted }, options) {
      const createdAt = now()
      const expiresAt = new Date(createdAt.getTime() + lifeMs)
      const job = await store.submit({ ...wanted, id: `${idPrefix}${newId()}`, createdAt, expiresAt }, options)
      wake()
      return job
    },
    async cancel(which, { onlyQueued }) {
      const job = await store.cancel(which, { now: now(), onlyQueued, aftermathOf })
      wake() // somebody may have to be told
      return job
    },
    now,
  }
}

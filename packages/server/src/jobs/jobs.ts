import type { Job, NewJob } from './job.js'
import type { JobStore, SubmitOptions } from './job-store.js'

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
  { now, newId, wake }: { now: () => Date; newId: () => string; wake: () => void },
): Jobs {
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
    cancel: (job, { onlyQueued }) => store.cancel(job, { now: now(), onlyQueued }),
    now,
  }
}

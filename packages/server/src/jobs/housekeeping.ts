import type { BlobStore } from '../files/blob-store.js'
import type { Logger } from '../telemetry/log.js'
import type { AftermathOf, JobStore } from './job-store.js'

/** Jobs that are asked about, or forgotten, at a time. */
const AT_ONCE = 500
/** Blobs are listed far less often than rows: a listing reads every name. */
const SWEEP_EVERY_MS = 3600 * 1000

export interface HousekeepingOptions {
  store: JobStore
  blobs: BlobStore
  aftermathOf: AftermathOf
  everyMs: number
  now: () => Date
  log: Logger
}

/** What is done now and then, from now until it is closed. */
export interface Housekeeping {
  close(): Promise<void>
}

export function startHousekeeping({ everyMs, now, aftermathOf, log, ...stores }: HousekeepingOptions): Housekeeping {
  let sweptAtMs = Number.NEGATIVE_INFINITY
  const round = async () => {
    try {
      await expireAndForget(stores.store, { now: now(), aftermathOf })
      if (performance.now() - sweptAtMs < SWEEP_EVERY_MS) return
      sweptAtMs = performance.now()
      const swept = await sweepBlobs(stores)
      if (swept > 0) log.info({ swept }, 'blobs of ended jobs were removed')
    } catch (error) {
      log.error({ cause: error }, 'housekeeping of the jobs failed; it is tried again')
    }
  }
  let running = round()
  const timer = setInterval(() => {
    running = running.then(round)
  }, everyMs)
  return {
    async close() {
      clearInterval(timer)
      await running
    },
  }
}

/**
 * Jobs whose time is over expire; those that ended long enough ago are forgotten, and so are old idempotency keys. Blobs go
 * with the next sweep.
 */
export async function expireAndForget(
  store: JobStore,
  { now, aftermathOf }: { now: Date; aftermathOf: AftermathOf },
): Promise<void> {
  await store.expire(now, aftermathOf)
  for (const id of await store.purgeable(now, AT_ONCE)) await store.purge(id)
  await store.forgetKeys(now)
}

/**
 * Remove blobs that no row names: `jobs/<id>/…` of jobs that have ended, `results/<id>.…` of jobs that are forgotten, and of
 * both what crashes left. A job's row is there before its first blob, so an unknown id is never one to come.
 *
 * @returns how many.
 */
export async function sweepBlobs({ store, blobs }: { store: JobStore; blobs: BlobStore }): Promise<number> {
  let swept = 0
  for (const prefix of ['jobs/', 'results/'] as const) {
    let keys: string[] = []
    const remove = async () => {
      const known = await store.knownAmong([...new Set(keys.map(jobIdOf))])
      for (const key of keys) {
        const job = known.get(jobIdOf(key))
        const isNeeded = job !== undefined && (prefix === 'results/' || !job.hasEnded)
        if (isNeeded) continue
        await blobs.delete(key)
        swept++
      }
      keys = []
    }
    for await (const key of blobs.list(prefix)) {
      keys.push(key)
      if (keys.length >= AT_ONCE) await remove()
    }
    await remove()
  }
  return swept
}

/** Remove the parts of one job that has ended; what fails here the sweep does later. */
export async function removeParts(jobId: string, blobs: BlobStore): Promise<void> {
  for await (const key of blobs.list(`jobs/${jobId}/`)) await blobs.delete(key)
}

/** `jobs/<id>/part` and `results/<id>.txt.gz`: ids have no dots. */
function jobIdOf(key: string): string {
  return (key.split('/')[1] ?? '').split('.')[0] ?? ''
}

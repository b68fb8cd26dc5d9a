import { createAftermathOf } from './aftermath.js'
import { backoffMs } from './backoff.js'
import { type Housekeeping, type HousekeepingOptions, startHousekeeping } from './housekeeping.js'
import { createJobs, type Jobs } from './jobs.js'
import { type RunnerOptions, startRunner } from './runner.js'

export interface RunningJobs {
  jobs: Jobs
  /** Give back what is being worked on, and stop. */
  close(): Promise<void>
}

export interface StartJobsOptions extends Omit<RunnerOptions, 'leaseMs' | 'pollMs' | 'backoffMs'> {
  newId: () => string
  random: () => number
  /** Whether a holder of leases, of this machine, can no longer be at work. */
  isGone(holder: string): boolean
}

/** A lost process is noticed after this time; a lease is renewed three times in it. */
const LEASE_MS = 30_000
const POLL_MS = 1000
const HOUSEKEEPING_EVERY_MS: HousekeepingOptions['everyMs'] = 10_000

/**
 * Work on jobs, and take in new ones. What a process that is gone was working on is taken up at once: who starts again after
 * a crash need not wait for leases to run out.
 */
export async function startJobs({ newId, random, isGone, ...options }: StartJobsOptions): Promise<RunningJobs> {
  const { store, now, rules } = options
  const aftermathOf = createAftermathOf(rules)
  await store.disown((await store.holders()).filter(isGone))
  const runner = startRunner({
    ...options,
    leaseMs: LEASE_MS,
    pollMs: POLL_MS,
    backoffMs: (failures, stage) => backoffMs(failures, { stage, random }),
  })
  const housekeeping: Housekeeping = startHousekeeping({ ...options, aftermathOf, everyMs: HOUSEKEEPING_EVERY_MS })
  return {
    jobs: createJobs(store, { now, newId, aftermathOf, wake: () => runner.wake() }),
    async close() {
      await runner.close()
      await housekeeping.close()
    },
  }
}

import type { Job, JobKind } from './job.js'
import type { AftermathOf } from './job-store.js'

/** What decides what follows the end of a job of one kind. */
export interface EndRules {
  /** How long an ended job and its results are kept. */
  keptMs: number
  /** Whether somebody waits for word of the end. */
  wantsNotice(job: Job): boolean
}

/** The same for every way in which a job ends: computed, given up, or stopped before it began. */
export function createAftermathOf(rules: Readonly<Record<JobKind, EndRules>>): AftermathOf {
  return (job, endedAt) => {
    const { keptMs, wantsNotice } = rules[job.kind]
    return { notify: wantsNotice(job), purgeAt: new Date(endedAt.getTime() + keptMs) }
  }
}

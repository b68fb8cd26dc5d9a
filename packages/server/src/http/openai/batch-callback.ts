import type { SafeFetch } from '../../egress/safe-fetch.js'
import { signCallback } from '../../jobs/callback.js'
import type { Job } from '../../jobs/job.js'
import { BatchOptions, CALLBACK_KEY } from './batch-options.js'
import { toBatch } from './batches.js'

/** A receiver that takes longer keeps a place from those whose lines wait; it has to answer before it does its work. */
const DEADLINE_MS = 15_000
/** Of the answer nobody reads more. */
const MAX_ANSWER_BYTES = 64 * 1024

const urlOf = ({ options }: Job) => BatchOptions.parse(options).metadata?.[CALLBACK_KEY]

/** Tells whoever asked for it that a batch has ended: the batch as JSON, signed. A status of 2xx is «told». */
export function createBatchCallback(
  safeFetch: SafeFetch,
  { key, now }: { key: Uint8Array; now: () => Date },
): { wantsNotice(job: Job): boolean; notify(job: Job, signal: AbortSignal): Promise<void> } {
  return {
    wantsNotice: (job) => urlOf(job) !== undefined,
    async notify(job, signal) {
      const url = urlOf(job)
      if (url === undefined) return
      const at = now()
      const body = JSON.stringify(toBatch(job, at))
      const post = { body, headers: signCallback(body, { id: job.id, at, key }) }
      const answer = await safeFetch(url, { post, maxBytes: MAX_ANSWER_BYTES, deadlineMs: DEADLINE_MS, signal })
      for await (const _ of answer.body) {
        // read to the end, so that the connection closes in order
      }
    },
  }
}

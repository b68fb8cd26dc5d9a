import type { BlobStore } from '../files/blob-store.js'
import { measure } from '../files/measure.js'
import type { Fault, Job } from '../jobs/job.js'
import type { LineFormat } from '../jobs/line-format.js'
import { JobFaults, type JobPlan, planJob } from '../jobs/plan-job.js'

/** A blob store of one blob: its chunks are kept as they come, so one that comes again and again costs nothing. */
function oneBlob(): Pick<BlobStore, 'write' | 'read'> {
  const kept: Uint8Array[] = []
  return {
    async write(_key, source, limits) {
      const { bytes, receipt } = measure(source, limits)
      for await (const chunk of bytes) kept.push(chunk)
      return receipt()
    },
    async *read() {
      yield* kept
    },
  }
}

/** Plan a job of an input that is never on a disk. @returns the plan, or why there is none. */
export async function planLines(
  format: LineFormat,
  { job, name = '', lines }: { job: Job; name?: string; lines: Iterable<string | Buffer> },
): Promise<JobPlan | readonly Fault[]> {
  async function* body() {
    for (const line of lines) yield typeof line === 'string' ? Buffer.from(line) : line
  }
  try {
    return await planJob(
      { job, fence: 1 },
      {
        format,
        blobs: oneBlob() as BlobStore, // planning writes one blob and reads it, no more
        openInput: async () => ({ name, body: body() }),
        signal: new AbortController().signal,
      },
    )
  } catch (error) {
    if (error instanceof JobFaults) return error.faults
    throw error
  }
}

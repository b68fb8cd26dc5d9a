import type { BlobReceipt, BlobStore } from '../files/blob-store.js'
import type { Job, Lease } from './job.js'
import type { JobStore } from './job-store.js'

/** A result that is whole: the parts of all shards in the order of their lines. */
export interface JobResult extends BlobReceipt {
  key: string
}

/** How a kind of job shows its results. */
export interface Publisher {
  /** Where a result is to be kept; attempts write the same bytes. */
  keyOf(job: Job, name: 'output' | 'errors'): string
  /** Make the results known. Called again after a crash; must then come to the same. */
  publish(job: Job, results: { output?: JobResult; errors?: JobResult }): Promise<Published>
}

export interface Published {
  /** `results` of the job. */
  results: Record<string, string>
  /** Of results that are no files of the caller. */
  keptBytes: number
}

const MAX_RESULT_BYTES = 256 * 1024 ** 3

/** Put the shards' parts together and publish the results. */
export async function finishJob(
  lease: Lease,
  { store, blobs, publisher, signal }: { store: JobStore; blobs: BlobStore; publisher: Publisher; signal: AbortSignal },
): Promise<Published> {
  const parts = await store.partsOf(lease)
  const join = async (name: 'output' | 'errors', keys: readonly string[]): Promise<JobResult | undefined> => {
    if (keys.length === 0) return undefined
    const key = publisher.keyOf(lease.job, name)
    async function* source() {
      for (const part of keys) yield* blobs.read(part, { signal })
    }
    return { key, ...(await blobs.write(key, source(), { maxBytes: MAX_RESULT_BYTES, signal })) }
  }
  const output = await join(
    'output',
    parts.flatMap(({ outputKey }) => outputKey ?? []),
  )
  const errors = await join(
    'errors',
    parts.flatMap(({ errorKey }) => errorKey ?? []),
  )
  return publisher.publish(lease.job, { ...(output && { output }), ...(errors && { errors }) })
}

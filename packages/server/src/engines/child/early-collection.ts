/** Jobs between two looks: a look costs as much as some arithmetic, 20 µs. */
const JOBS_PER_LOOK = 8
/** Bytes that dead arrays may hold. V8 itself begins to care at 64 MiB, and its small heap is seldom full. */
const MAX_GARBAGE_BYTES = 4 * 2 ** 20

/** What the runtime offers: `process.memoryUsage` and, with --expose-gc, `gc`. */
export interface Runtime {
  arrayBufferBytes(): number
  collect(options?: { type: 'minor' }): void
}

/** This process's; undefined where it was not started with --expose-gc. */
export function thisRuntime(): Runtime | undefined {
  const collect = globalThis.gc as ((options?: { type: 'minor' }) => void) | undefined
  return collect && { arrayBufferBytes: () => process.memoryUsage().arrayBuffers, collect }
}

/**
 * Frees the arrays of jobs that are done before V8 would: the numbers of a job lie outside of its heap, which hardly fills,
 * so that dead ones piled up to tens of megabytes, a little more each time than ever before.
 *
 * @returns to be called after each job.
 */
export function collectEarly({ arrayBufferBytes, collect }: Runtime): () => void {
  let jobs = 0
  /** The least that was seen since the last whole collection: what is held, by the model among others. */
  let held = Number.POSITIVE_INFINITY
  let isYoungCollected = false
  return () => {
    if (++jobs % JOBS_PER_LOOK !== 0) return
    const bytes = arrayBufferBytes()
    held = Math.min(held, bytes)
    if (bytes - held < MAX_GARBAGE_BYTES) {
      isYoungCollected = false
    } else if (!isYoungCollected) {
      collect({ type: 'minor' }) // a millisecond; memory is free some moments later
      isYoungCollected = true
    } else {
      collect()
      isYoungCollected = false
      held = Number.POSITIVE_INFINITY
    }
  }
}

import type { BlobStore } from './blob-store.js'
import type { FileIndex } from './file-index.js'
import { FILES_PREFIX } from './files.js'

export interface SweepReport {
  /** Files whose time was over. */
  expired: number
  /** Blobs without a row: a process died between the two. */
  orphans: number
  /** Writes that never finished. */
  unfinished: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Rows, or keys, that are looked at together. */
const STEP = 500

/**
 * Remove what nobody can reach any more. May be interrupted anywhere and run again; two sweeps at once only do work twice.
 *
 * A blob without a row counts as an orphan from the end of the day after its own: its upload may still be going on.
 */
export async function sweepFiles(
  { blobs, index, now }: { blobs: BlobStore; index: FileIndex; now: Date },
  signal: AbortSignal,
): Promise<SweepReport> {
  const unfinished = await blobs.sweepUnfinished(new Date(now.getTime() - DAY_MS))
  return { expired: await sweepExpired(), orphans: await sweepOrphans(), unfinished }

  async function sweepExpired(): Promise<number> {
    let count = 0
    for (;;) {
      signal.throwIfAborted()
      const files = await index.expired(now, STEP)
      for (const { project, id, blobKey } of files) {
        await index.remove(project, id)
        await blobs.delete(blobKey)
      }
      count += files.length
      if (files.length < STEP) return count
    }
  }

  async function sweepOrphans(): Promise<number> {
    const before = new Date(now.getTime() - DAY_MS).toISOString().slice(0, 10)
    let count = 0
    for await (const keys of inSteps(blobs.list(FILES_PREFIX))) {
      signal.throwIfAborted()
      const old = keys.filter((key) => key.slice(FILES_PREFIX.length) < before)
      const referenced = await index.referenced(old)
      for (const key of old) {
        if (referenced.has(key)) continue
        await blobs.delete(key)
        count++
      }
    }
    return count
  }
}

/** Sweep now and then, until the signal aborts. A sweep that fails is reported, and the next one tries again. */
export function sweepRegularly(
  sweep: (signal: AbortSignal) => Promise<unknown>,
  { everyMs = HOUR_MS, signal, onError }: { everyMs?: number; signal: AbortSignal; onError: (error: unknown) => void },
): Promise<void> {
  return new Promise((resolve) => {
    let running: Promise<unknown> = Promise.resolve()
    let isIdle = true
    const run = () => {
      if (!isIdle) return
      isIdle = false
      running = sweep(signal)
        .catch((error: unknown) => {
          if (!signal.aborted) onError(error)
        })
        .finally(() => {
          isIdle = true
        })
    }
    const timer = setInterval(run, everyMs)
    timer.unref()
    const stop = () => {
      clearInterval(timer)
      void running.then(() => resolve())
    }
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    run()
  })
}

async function* inSteps(keys: AsyncIterable<string>): AsyncGenerator<string[]> {
  let step: string[] = []
  for await (const key of keys) {
    step.push(key)
    if (step.length < STEP) continue
    yield step
    step = []
  }
  if (step.length > 0) yield step
}

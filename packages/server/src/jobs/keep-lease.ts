import type { Lease } from './job.js'
import type { JobStore } from './job-store.js'

/** Holds on to a lease while its part is worked on. */
export interface LeaseKeeper {
  /** Aborts when the lease is lost, the job is no longer wanted, or the process stops. */
  readonly signal: AbortSignal
  stop(): Promise<void>
}

/**
 * Renew a lease three times in its length.
 *
 * A lease that could not be renewed in time is lost: another holder may have it. Work stops then, before its end, so that
 * no part is computed twice for long; that it counts once is the fence's promise, not this one's.
 */
export function keepLease(
  lease: Lease,
  { store, leaseMs, now }: { store: Pick<JobStore, 'renew'>; leaseMs: number; now: () => Date },
  stopped: AbortSignal,
): LeaseKeeper {
  const lost = new AbortController()
  let heldUntilMs = performance.now() + leaseMs
  let renewal = Promise.resolve()
  const renew = async () => {
    try {
      const askedAtMs = performance.now()
      const state = await store.renew(lease, new Date(now().getTime() + leaseMs))
      if (state === 'held') heldUntilMs = askedAtMs + leaseMs
      else lost.abort(new Error(`the lease is ${state}`))
    } catch (error) {
      if (performance.now() >= heldUntilMs) lost.abort(error)
    }
  }
  const timer = setInterval(() => {
    renewal = renewal.then(renew)
  }, leaseMs / 3)
  return {
    signal: AbortSignal.any([lost.signal, stopped]),
    async stop() {
      clearInterval(timer)
      await renewal
    },
  }
}

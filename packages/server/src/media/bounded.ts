import { invalidMedia } from './invalid-media.js'
import type { Slots } from './slots.js'

/**
 * Work in a slot and with a deadline that begins when the slot is had. Rejects at once when the deadline or `signal` says
 * so; work that cannot be stopped goes on unseen, and keeps its slot until it has ended.
 *
 * @param doing for the message: «decoding the picture».
 * @throws {ApiError} `invalid_media` when the time is over; `overloaded` when too many wait.
 * @throws the signal's reason; what `work` throws.
 */
export async function runBounded<Value>(
  work: (signal: AbortSignal) => Promise<Value>,
  { slots, timeoutMs, doing, signal }: { slots: Slots; timeoutMs: number; doing: string; signal: AbortSignal },
): Promise<Value> {
  const deadline = new AbortController()
  const either = AbortSignal.any([signal, deadline.signal])
  const tooLong = invalidMedia(`${doing} took more than ${timeoutMs} ms`)
  let timer: NodeJS.Timeout | undefined
  const working = slots.run(() => {
    timer = setTimeout(() => deadline.abort(tooLong), timeoutMs)
    return work(either)
  }, either)
  try {
    return await orAborted(working, either)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * What `work` becomes, or the signal's reason as soon as it is aborted. The listener must go with the work: as long as a
 * combined signal has one, Node keeps it for its sources' lifetime, and with it what the promise holds, a whole picture.
 */
function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

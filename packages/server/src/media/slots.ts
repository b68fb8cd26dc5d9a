import { ApiError } from '@quiver/protocol'

/**
 * At most `most` pieces of work at once, at most `maxWaiting` more in line.
 *
 * Invariant: a place is given back when its work has ended, not when its caller has gone: what cannot be stopped (native
 * code) is still counted.
 */
export class Slots {
  readonly #most: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(most: number, { maxWaiting }: { maxWaiting: number }) {
    this.#most = most
    this.#maxWaiting = maxWaiting
  }

  /** @throws {ApiError} `overloaded` when the line is full; the signal's reason when the caller goes while in line. */
  async run<Value>(work: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    signal.throwIfAborted()
    if (this.#running < this.#most) this.#running++
    else await this.#wait(signal)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next() // takes over the place
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      const message = `Too many pictures and videos wait to be decoded: ${this.#maxWaiting}.`
      return Promise.reject(new ApiError('overloaded', message, { retryAfterSeconds: 1 }))
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        reject(signal.reason)
      }
      const enter = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(enter)
    })
  }
}

import { setMaxListeners } from 'node:events'

/**
 * Work that several want at once is done once.
 *
 * Whoever leaves (aborts) leaves alone; the work itself is aborted when the last has left. A failure reaches all who
 * wait for it and is not remembered.
 */
export class SingleFlight<Value> {
  readonly #flights = new Map<string, Flight<Value>>()

  /**
   * @param key equal for equal work.
   * @param work begun by the first who wants it.
   * @throws the signal's reason when it is aborted.
   */
  run(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const flight = this.#flights.get(key) ?? this.#begin(key, work)
    flight.passengers++
    return new Promise((resolve, reject) => {
      const leave = () => {
        if (--flight.passengers === 0) {
          this.#forget(key, flight)
          flight.controller.abort(signal.reason)
        }
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      flight.arrival.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    })
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<Value>): Flight<Value> {
    const controller = new AbortController()
    setMaxListeners(0, controller.signal) // one for each part of the work, whose number is the work's own affair
    const flight: Flight<Value> = { controller, passengers: 0, arrival: work(controller.signal) }
    this.#flights.set(key, flight)
    flight.arrival.catch(() => {}).finally(() => this.#forget(key, flight))
    return flight
  }

  /** An aborted flight may be followed by another of the same key before it has ended. */
  #forget(key: string, flight: Flight<Value>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

interface Flight<Value> {
  controller: AbortController
  passengers: number
  arrival: Promise<Value>
}

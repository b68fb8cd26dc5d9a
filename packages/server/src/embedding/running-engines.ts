import { ApiError } from '@quiver/protocol'
import type { Engine, Network } from '../engines/engine.js'
import type { EngineLoad } from '../telemetry/metrics.js'
import { type BatchedEngine, Batcher, type BatcherOptions } from './batcher.js'

/** What is started and ended, whatever it computes: texts, or texts and pictures. */
export type AnyEngine = BatchedEngine & Pick<Engine, 'isUp' | 'servers' | 'close'>

/** An engine with the batcher in front of it. */
export interface RunningEngine<Kind extends AnyEngine = Engine> {
  engine: Kind
  batcher: Batcher
}

/** What can be known of an engine that does not run yet, and how it is started. */
export interface EngineSpec<Kind = Engine> {
  /** What catalog entries call it. */
  id: string
  /** Components of its raw vector. */
  dimension: number
  network?: Network
  /** `required`: nothing is served without it. `server`: starts with the server. `demand`: with the first request for it. */
  startsWith: 'required' | 'server' | 'demand'
  /** Load and verify. @throws when it cannot be had; that is tried again later. */
  start(signal: AbortSignal): Promise<Kind>
}

/** Where an engine is on its way. */
export type EngineState = 'idle' | 'starting' | 'up' | 'down'

export interface RunningEnginesOptions extends BatcherOptions {
  /** Told of every engine that could not be started. */
  onFailure?: (id: string, error: unknown) => void
  now?: () => number
}

/** After a failed start, requests are refused for so long before it is tried again. */
const RESTART_AFTER_MS = 10_000

/**
 * Finds the engine that serves a model, waiting for its start where need be.
 *
 * @throws {ApiError} `overloaded` while it cannot be had.
 * @throws {TypeError} for an id that no engine has.
 * @throws the signal's reason when it is aborted; the start goes on.
 */
export type FindEngine<Kind extends AnyEngine = Engine> = (
  id: string,
  signal: AbortSignal,
) => Promise<RunningEngine<Kind>>

interface Slot<Kind extends AnyEngine> {
  spec: EngineSpec<Kind>
  starting?: Promise<RunningEngine<Kind>> | undefined
  running?: RunningEngine<Kind>
  failedAt?: number
}

/** The engines of one kind in a process, each started once and when it is needed. One that does not start harms no other. */
export class RunningEngines<Kind extends AnyEngine = Engine> {
  readonly #slots: ReadonlyMap<string, Slot<Kind>>
  readonly #options: RunningEnginesOptions
  readonly #now: () => number
  readonly #closing = new AbortController()

  constructor(specs: readonly EngineSpec<Kind>[], options: RunningEnginesOptions) {
    this.#slots = new Map(specs.map((spec) => [spec.id, { spec }]))
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Start the required engines. @throws what one of them threw. */
  async startRequired(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#startAll('required', signal))
  }

  /** Start what else starts with the server. Resolves when each of them has started or failed. */
  async startOthers(signal: AbortSignal): Promise<void> {
    await Promise.allSettled(this.#startAll('server', signal))
  }

  readonly find: FindEngine<Kind> = async (id, signal) => {
    signal.throwIfAborted()
    const slot = this.#slotOf(id)
    if (slot.running !== undefined) return slot.running
    if (slot.failedAt !== undefined && this.#now() - slot.failedAt < RESTART_AFTER_MS) throw unavailable(id)
    const starting = slot.starting ?? this.#startIn(slot, this.#closing.signal)
    return await orAborted(
      starting.catch(() => {
        throw unavailable(id)
      }),
      signal,
    )
  }

  /** What is known of an engine without starting it. @throws {TypeError} for an id that no engine has. */
  peek(id: string): { state: EngineState; spec: EngineSpec<Kind>; engine?: Kind } {
    const { spec, running, starting, failedAt } = this.#slotOf(id)
    if (running !== undefined) return { state: running.engine.isUp ? 'up' : 'down', spec, engine: running.engine }
    if (starting !== undefined) return { state: 'starting', spec }
    return { state: failedAt === undefined ? 'idle' : 'down', spec }
  }

  /** How the engines that run stand, for metrics. */
  get loads(): EngineLoad[] {
    return [...this.#slots.values()].flatMap(({ running }) => {
      if (running === undefined) return []
      const { engine, batcher } = running
      return [{ id: engine.id, waiting: batcher.waiting, servers: engine.servers ?? [] }]
    })
  }

  /** Whether every engine that nothing is served without can compute. */
  get isUp(): boolean {
    const required = [...this.#slots.values()].filter(({ spec }) => spec.startsWith === 'required')
    return required.every(({ running }) => running?.engine.isUp === true)
  }

  /** Ids of engines that were to be there and cannot compute now. */
  get down(): string[] {
    return [...this.#slots.keys()].filter((id) => this.peek(id).state === 'down')
  }

  async close(): Promise<void> {
    this.#closing.abort(new ApiError('overloaded', 'The server is shutting down.', { retryAfterSeconds: 1 }))
    const slots = [...this.#slots.values()]
    await Promise.allSettled(slots.map(({ starting }) => starting))
    const running = slots.flatMap((slot) => slot.running ?? [])
    for (const { batcher } of running) batcher.close()
    await Promise.all(running.map(({ engine }) => engine.close()))
  }

  #slotOf(id: string): Slot<Kind> {
    const slot = this.#slots.get(id)
    if (slot === undefined) throw new TypeError(`the catalog names an engine that does not exist: ${id}`)
    return slot
  }

  #startAll(when: EngineSpec['startsWith'], signal: AbortSignal): Promise<RunningEngine<Kind>>[] {
    const slots = [...this.#slots.values()].filter(({ spec }) => spec.startsWith === when)
    return slots.map((slot) => this.#startIn(slot, signal))
  }

  #startIn(slot: Slot<Kind>, signal: AbortSignal): Promise<RunningEngine<Kind>> {
    const starting = this.#begin(slot, AbortSignal.any([signal, this.#closing.signal]))
    slot.starting = starting
    return starting
  }

  async #begin(slot: Slot<Kind>, signal: AbortSignal): Promise<RunningEngine<Kind>> {
    const { spec } = slot
    try {
      const engine = await spec.start(signal)
      slot.running = { engine, batcher: new Batcher(engine, this.#options) }
      return slot.running
    } catch (error) {
      slot.failedAt = this.#now()
      this.#options.onFailure?.(spec.id, error)
      throw error
    } finally {
      slot.starting = undefined
    }
  }
}

function unavailable(id: string): ApiError {
  return new ApiError('overloaded', `Model is unavailable, please try again later: ${id} could not be started.`, {
    retryAfterSeconds: RESTART_AFTER_MS / 1000,
  })
}

/** The value, or the signal's reason if that comes first. */
function orAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    value.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

import { Worker } from 'node:worker_threads'
import { ApiError } from '@quiver/protocol'
import type { WorkerReply, WorkerRequest, WorkerSetup } from './worker-protocol.js'

interface Job {
  id: number
  ids: Int32Array
  resolve: (vector: Float32Array) => void
  reject: (reason: unknown) => void
}

/** A thread and what it is busy with. */
interface Seat {
  worker: Worker
  job: Job | undefined
}

export interface WorkerPoolOptions {
  threads: number
  setup: WorkerSetup
}

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/builtin/worker.js' : './worker.js',
  import.meta.url,
)
/** A thread that dies while loading this many times in a row will not come up by itself. */
const MAX_FAILED_STARTS = 3
const RETRY_AFTER_SECONDS = 1

/**
 * Threads that each run one job at a time. Who has many jobs gives as many at a time as there are threads; the few that
 * wait here wait for a thread that died to be replaced.
 *
 * Invariants: a seat has at most one job; a job is in the queue, in one seat, or settled. A thread that dies fails
 * its own job only and is replaced.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #queue: Job[] = []
  readonly #idle: Seat[] = []
  readonly #seats = new Set<Seat>()
  #nextId = 0
  #failedStarts = 0
  #isClosed = false

  private constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  /** Resolves when every thread has loaded the model. @throws what the first failing thread threw. */
  static async start(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options)
    try {
      await Promise.all(Array.from({ length: options.threads }, () => pool.#addSeat()))
    } catch (error) {
      await pool.close()
      throw error
    }
    return pool
  }

  /** Whether at least one thread is up. */
  get isUp(): boolean {
    return !this.#isClosed && this.#seats.size > 0
  }

  /**
   * @throws {ApiError} `engine_failed` when the thread broke.
   * @throws the signal's reason; a job already running is left to finish, its result dropped.
   */
  run(ids: Int32Array, signal: AbortSignal): Promise<Float32Array> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (!this.isUp) return Promise.reject(new ApiError('engine_failed', 'The built-in model is not running.'))
    return new Promise((resolve, reject) => {
      const job: Job = { id: this.#nextId++, ids, resolve: settle(resolve), reject: settle(reject) }
      function settle<Value>(done: (value: Value) => void) {
        return (value: Value) => {
          signal.removeEventListener('abort', abort)
          done(value)
        }
      }
      const abort = () => {
        const index = this.#queue.indexOf(job)
        if (index !== -1) this.#queue.splice(index, 1)
        job.reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#queue.push(job)
      this.#dispatch()
    })
  }

  /** Waiting jobs are rejected; a running one ends first, within a fraction of a second. */
  async close(): Promise<void> {
    this.#isClosed = true
    const reason = new ApiError('overloaded', 'The server is shutting down.', {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
    for (const job of this.#queue.splice(0)) job.reject(reason)
    await Promise.all([...this.#seats].map(({ worker }) => end(worker)))
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const seat = this.#idle.pop()
      if (seat === undefined) return
      const job = this.#queue.shift() as Job // the queue is not empty
      seat.job = job
      send(seat.worker, { kind: 'run', jobId: job.id, ids: job.ids })
    }
  }

  /** Start a thread; resolves when it is ready for jobs. */
  #addSeat(): Promise<void> {
    const worker = new Worker(WORKER_URL, { workerData: this.#options.setup, name: 'builtin-text' })
    const seat: Seat = { worker, job: undefined }
    this.#seats.add(seat)
    return new Promise((resolve, reject) => {
      let failure: unknown = new Error('the thread of the built-in model ended while loading')
      worker.on('message', (reply: WorkerReply) => {
        if (reply.kind === 'ready') {
          this.#failedStarts = 0
          resolve()
        } else this.#finish(seat, reply)
        this.#idle.push(seat)
        this.#dispatch()
      })
      worker.on('error', (error) => {
        failure = error
      })
      worker.on('exit', () => {
        this.#replace(seat, failure)
        reject(failure)
      })
    })
  }

  #finish(seat: Seat, reply: Exclude<WorkerReply, { kind: 'ready' }>): void {
    const { job } = seat
    seat.job = undefined
    if (reply.kind === 'vector') job?.resolve(reply.vector)
    else job?.reject(engineFailed(new Error(reply.message)))
  }

  #replace(seat: Seat, failure: unknown): void {
    this.#seats.delete(seat)
    const idle = this.#idle.indexOf(seat)
    if (idle !== -1) this.#idle.splice(idle, 1)
    if (this.#isClosed) return
    seat.job?.reject(engineFailed(failure))
    if (++this.#failedStarts <= MAX_FAILED_STARTS) {
      this.#addSeat().catch(() => {}) // its own exit handler decides what follows
    } else if (this.#seats.size === 0) {
      for (const job of this.#queue.splice(0)) job.reject(engineFailed(failure))
    }
  }
}

function send(worker: Worker, request: WorkerRequest): void {
  worker.postMessage(request)
}

/** Ask the thread to end. Not `terminate()`: onnxruntime aborts the process when its thread ends inside a run. */
function end(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve())
    send(worker, { kind: 'end' })
  })
}

function engineFailed(cause: unknown): ApiError {
  return new ApiError('engine_failed', 'The built-in model failed on this input.', { cause })
}

import { Worker } from 'node:worker_threads'
import { ApiError } from '@quiver/protocol'
import { refuseTelemetry } from '../no-telemetry.js'
import type { WorkerReply, WorkerRequest } from './worker-protocol.js'

interface Job<Input> {
  id: number
  input: Input
  resolve: (vector: Float32Array) => void
  reject: (reason: unknown) => void
}

/** A thread and what it is busy with. */
interface Seat<Input> {
  worker: Worker
  job: Job<Input> | undefined
}

export interface WorkerPoolOptions {
  threads: number
  /** The compiled file that each thread runs; it calls `serveWorker`. */
  file: URL
  /** Its `workerData`. */
  setup: object
  /** Of the threads, for who looks at the process. */
  name: string
  /** What failed, for messages: "The built-in model". */
  model: string
}

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
export class WorkerPool<Input> {
  readonly #options: WorkerPoolOptions
  readonly #queue: Job<Input>[] = []
  readonly #idle: Seat<Input>[] = []
  readonly #seats = new Set<Seat<Input>>()
  #nextId = 0
  #failedStarts = 0
  #isClosed = false

  private constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  /** Resolves when every thread has loaded the model. @throws what the first failing thread threw. */
  static async start<Input>(options: WorkerPoolOptions): Promise<WorkerPool<Input>> {
    const pool = new WorkerPool<Input>(options)
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
  run(input: Input, signal: AbortSignal): Promise<Float32Array> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (!this.isUp) return Promise.reject(new ApiError('engine_failed', `${this.#options.model} is not running.`))
    return new Promise((resolve, reject) => {
      const job: Job<Input> = { id: this.#nextId++, input, resolve: settle(resolve), reject: settle(reject) }
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
      const job = this.#queue.shift() as Job<Input> // the queue is not empty
      seat.job = job
      send(seat.worker, { kind: 'run', jobId: job.id, input: job.input })
    }
  }

  /** Start a thread; resolves when it is ready for jobs. */
  #addSeat(): Promise<void> {
    const { file, setup, name } = this.#options
    refuseTelemetry()
    const worker = new Worker(file, { workerData: setup, name })
    const seat: Seat<Input> = { worker, job: undefined }
    this.#seats.add(seat)
    return new Promise((resolve, reject) => {
      let failure: unknown = new Error(`a thread of ${name} ended while loading`)
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

  #finish(seat: Seat<Input>, reply: Exclude<WorkerReply, { kind: 'ready' }>): void {
    const { job } = seat
    seat.job = undefined
    if (reply.kind === 'vector') job?.resolve(reply.vector)
    else job?.reject(this.#failed(new Error(reply.message)))
  }

  #failed(cause: unknown): ApiError {
    return new ApiError('engine_failed', `${this.#options.model} failed on this input.`, { cause })
  }

  #replace(seat: Seat<Input>, failure: unknown): void {
    this.#seats.delete(seat)
    const idle = this.#idle.indexOf(seat)
    if (idle !== -1) this.#idle.splice(idle, 1)
    if (this.#isClosed) return
    seat.job?.reject(this.#failed(failure))
    if (++this.#failedStarts <= MAX_FAILED_STARTS) {
      this.#addSeat().catch(() => {}) // its own exit handler decides what follows
    } else if (this.#seats.size === 0) {
      for (const job of this.#queue.splice(0)) job.reject(this.#failed(failure))
    }
  }
}

function send<Input>(worker: Worker, request: WorkerRequest<Input>): void {
  worker.postMessage(request)
}

/** Ask the thread to end. Not `terminate()`: onnxruntime aborts the process when its thread ends inside a run. */
function end(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve())
    send<never>(worker, { kind: 'end' })
  })
}

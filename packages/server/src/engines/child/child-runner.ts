import { type ChildProcess, fork } from 'node:child_process'
import { ApiError } from '@quiver/protocol'
import { NO_TELEMETRY } from '../no-telemetry.js'
import type { ChildReply, ChildRequest } from './child-protocol.js'
import { residentBytes } from './resident-bytes.js'

export interface ChildRunnerOptions<Setup> {
  /** Of the model, for messages. */
  name: string
  /** The compiled module that calls `serveChild`. */
  path: URL
  setup: Setup
  /** Resident memory of the process above which it is ended and started anew. */
  memoryLimitBytes: number
  /** A job that takes longer ends the process. */
  jobTimeoutMs: number
  /** Ends the start. */
  signal: AbortSignal
}

/** The process took more memory than it may have: the cause of the cause of a job's error. */
export class MemoryExceeded extends Error {
  override readonly name = 'MemoryExceeded'
}

interface Waiting<Job, Result> {
  id: number
  job: Job
  /** Whoever wants it has gone when this is aborted. */
  signal: AbortSignal
  resolve: (result: Result) => void
  reject: (reason: unknown) => void
}

/** Jobs that follow each other. Those of other lanes go past them. */
interface Lane<Job, Result> {
  waiting: Waiting<Job, Result>[]
  sent: Map<number, Waiting<Job, Result>>
  timer?: NodeJS.Timeout | undefined
}

export interface RunOptions {
  signal: AbortSignal
  /** Jobs of one lane run in their order. */
  lane?: string
}

/** The next job of a lane is on its way while one runs, so that the process never waits for the pipe. */
const MAX_SENT = 2
/** A process that does not come up so many times in a row will not come up by itself. */
const MAX_FAILED_STARTS = 3
const MEMORY_CHECK_MS = 250
/** How long a process that was asked to end may take. */
const END_TIMEOUT_MS = 5_000
/**
 * Asks glibc for memory in pages of 2 MiB where the system gives them to who asks. A short text reads all the weights and
 * computes little with each, so that looking up 4 KiB pages took an eighth of its time and more. Other libraries of C, and
 * glibc before 2.35, do not know the name.
 */
const LARGE_PAGES = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' }
/**
 * MiB of each half of V8's space for young objects, which otherwise grows to 16, by chance and in jumps, and is hardly ever
 * given back. What a job leaves there is small; its numbers lie outside of the heap, where `early-collection.ts` sees to them.
 */
const HEAP_FLAGS = ['--max-semi-space-size=1', '--expose-gc']

/**
 * One child process with a model, and the jobs for it.
 *
 * Invariants: a job waits here, was sent to the process, or is settled; when the process dies, the job of each lane that ran
 * fails, what waited or was on its way is computed by the next process. A process that grows over its limit, or sits on a job
 * too long, is ended.
 */
export class ChildRunner<Setup, Report, Job, Result> {
  readonly #options: ChildRunnerOptions<Setup>
  readonly #lanes = new Map<string, Lane<Job, Result>>()
  #child: ChildProcess | undefined
  #isReady = false
  #isClosed = false
  #failedStarts = 0
  #nextId = 0
  /** Why the process was ended, if we did it. */
  #endedBecause: Error | undefined

  private constructor(options: ChildRunnerOptions<Setup>) {
    this.#options = options
  }

  /** Resolves when the model is loaded. @throws what kept the process from loading it. */
  static async start<Setup, Report, Job, Result>(
    options: ChildRunnerOptions<Setup>,
  ): Promise<{ runner: ChildRunner<Setup, Report, Job, Result>; report: Report }> {
    const runner = new ChildRunner<Setup, Report, Job, Result>(options)
    const abort = () => void runner.close()
    options.signal.throwIfAborted()
    options.signal.addEventListener('abort', abort, { once: true })
    try {
      const report = await runner.#launch()
      return { runner, report }
    } catch (error) {
      await runner.close()
      options.signal.throwIfAborted()
      throw error
    } finally {
      options.signal.removeEventListener('abort', abort)
    }
  }

  /** Whether it computes, or will as soon as its process is back. */
  get isUp(): boolean {
    return !this.#isClosed && this.#failedStarts < MAX_FAILED_STARTS
  }

  /** Of the process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * @throws {ApiError} `engine_failed` when the process died or the job broke.
   * @throws the signal's reason; a job that waits is dropped, of one that runs the result is.
   */
  run(job: Job, { signal, lane: name = '' }: RunOptions): Promise<Result> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (!this.isUp) return Promise.reject(this.#failed('is not running'))
    const lane = this.#laneOf(name)
    return new Promise((resolve, reject) => {
      const settle = <Value>(done: (value: Value) => void) => {
        return (value: Value) => {
          signal.removeEventListener('abort', abort)
          done(value)
        }
      }
      const own: Waiting<Job, Result> = {
        id: this.#nextId++,
        job,
        signal,
        resolve: settle(resolve),
        reject: settle(reject),
      }
      const abort = () => {
        const place = lane.waiting.indexOf(own)
        if (place !== -1) lane.waiting.splice(place, 1)
        own.reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      lane.waiting.push(own)
      this.#dispatch(lane)
    })
  }

  /** What waits or runs is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#rejectAll(new ApiError('overloaded', 'The server is shutting down.', { retryAfterSeconds: 1 }))
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS)
      timer.unref()
      if (this.#isReady) this.#send({ kind: 'end' })
      else child.kill('SIGKILL')
    })
  }

  #laneOf(name: string): Lane<Job, Result> {
    const lane = this.#lanes.get(name) ?? { waiting: [], sent: new Map() }
    this.#lanes.set(name, lane)
    return lane
  }

  /** Start a process; resolves when it has loaded the model. */
  #launch(): Promise<Report> {
    const child = fork(this.#options.path, [], {
      // Typed arrays as they are, instead of as JSON.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Nothing of the server's environment, which may hold keys, and none of its flags: a debugger's port is taken.
      env: { ...NO_TELEMETRY, ...LARGE_PAGES },
      execArgv: HEAP_FLAGS,
    })
    this.#child = child
    this.#endedBecause = undefined
    const watch = setInterval(() => this.#checkMemory(child), MEMORY_CHECK_MS)
    watch.unref()
    return new Promise((resolve, reject) => {
      child.on('message', (reply: ChildReply<Report, Result>) => {
        if (reply.kind === 'ready') {
          this.#isReady = true
          this.#failedStarts = 0
          resolve(reply.report)
          for (const lane of this.#lanes.values()) this.#dispatch(lane)
        } else if (reply.kind === 'refused') {
          this.#endedBecause = new Error(reply.message)
          child.kill('SIGKILL')
        } else this.#finish(reply)
      })
      child.on('error', (error) => {
        this.#endedBecause ??= error
      })
      child.on('exit', (code, signalName) => {
        clearInterval(watch)
        const reason = this.#endedBecause ?? new Error(`ended with ${signalName ?? `code ${code}`}`)
        this.#onExit(reason)
        reject(reason)
      })
      this.#send({ kind: 'load', setup: this.#options.setup })
    })
  }

  #onExit(reason: Error): void {
    const wasReady = this.#isReady
    this.#isReady = false
    this.#child = undefined
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.timer)
      const [ran, ...behind] = lane.sent.values()
      lane.sent.clear()
      lane.waiting.unshift(...behind.filter(({ signal }) => !signal.aborted))
      ran?.reject(this.#failed(`stopped while it ran: ${reason.message}`, reason))
    }
    if (this.#isClosed) return
    if (!wasReady) this.#failedStarts++
    if (this.isUp)
      this.#launch().catch(() => {}) // its own exit handler decides what follows
    else this.#rejectAll(this.#failed(reason.message, reason))
  }

  #dispatch(lane: Lane<Job, Result>): void {
    while (this.#isReady && lane.sent.size < MAX_SENT) {
      const job = lane.waiting.shift()
      if (job === undefined) return
      lane.sent.set(job.id, job)
      if (lane.sent.size === 1) this.#startClock(lane)
      this.#send({ kind: 'run', jobId: job.id, job: job.job })
    }
  }

  #finish(reply: Exclude<ChildReply<Report, Result>, { kind: 'ready' | 'refused' }>): void {
    const lane = [...this.#lanes.values()].find(({ sent }) => sent.has(reply.jobId))
    if (lane === undefined) return // rejected meanwhile, by close
    const job = lane.sent.get(reply.jobId)
    lane.sent.delete(reply.jobId)
    clearTimeout(lane.timer)
    if (lane.sent.size > 0) this.#startClock(lane)
    this.#dispatch(lane)
    if (reply.kind === 'done') job?.resolve(reply.result)
    else job?.reject(this.#failed(`failed on this input: ${reply.message}`))
  }

  #startClock(lane: Lane<Job, Result>): void {
    const { jobTimeoutMs } = this.#options
    lane.timer = setTimeout(() => this.#end(new Error(`no answer within ${jobTimeoutMs} ms`)), jobTimeoutMs)
    lane.timer.unref()
  }

  #checkMemory(child: ChildProcess): void {
    const { memoryLimitBytes } = this.#options
    const bytes = child.pid === undefined ? undefined : residentBytes(child.pid)
    if (bytes === undefined || bytes <= memoryLimitBytes) return
    const [taken, allowed] = [toMebibytes(bytes), toMebibytes(memoryLimitBytes)]
    this.#end(new MemoryExceeded(`took ${taken} MiB of memory; ${allowed} MiB are allowed`))
  }

  #end(reason: Error): void {
    this.#endedBecause = reason
    this.#child?.kill('SIGKILL')
  }

  #send(request: ChildRequest<Setup, Job>): void {
    // A process that is gone cannot be written to; its exit handler settles what was sent.
    this.#child?.send(request, () => {})
  }

  #rejectAll(reason: unknown): void {
    for (const { waiting, sent } of this.#lanes.values()) {
      for (const job of [...waiting.splice(0), ...sent.values()]) job.reject(reason)
      sent.clear()
    }
  }

  #failed(what: string, cause?: Error): ApiError {
    return new ApiError('engine_failed', `The model ${this.#options.name} failed.`, {
      cause: new Error(`the process of ${this.#options.name} ${what}`, { cause }),
    })
  }
}

function toMebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}

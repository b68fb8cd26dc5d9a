import type { ChildReply, ChildRequest } from './child-protocol.js'
import { collectEarly, thisRuntime } from './early-collection.js'

/** What a child process is for. Jobs are given to `run` as they come; who wants them one by one makes them wait. */
export interface ChildWork<Setup, Report, Job, Result> {
  /** What it throws is why the process cannot be used. */
  load(setup: Setup): Promise<Report>
  run(job: Job): Promise<Result>
  /** After the last job. */
  close(): Promise<void>
}

/** Be the child process of a `ChildRunner`: answer what it sends until it says so, or is gone. */
export function serveChild<Setup, Report, Job, Result>(work: ChildWork<Setup, Report, Job, Result>): void {
  const reply = (message: ChildReply<Report, Result>) => {
    process.send?.(message)
  }
  const running = new Set<Promise<void>>()
  const runtime = thisRuntime()
  const afterJob = runtime === undefined ? () => {} : collectEarly(runtime)

  async function answer(request: ChildRequest<Setup, Job>): Promise<void> {
    if (request.kind === 'load') {
      await work.load(request.setup).then(
        (report) => reply({ kind: 'ready', report }),
        (error: unknown) => reply({ kind: 'refused', message: messageOf(error) }),
      )
    } else if (request.kind === 'run') {
      const { jobId } = request
      await work.run(request.job).then(
        (result) => reply({ kind: 'done', jobId, result }),
        (error: unknown) => reply({ kind: 'failed', jobId, message: messageOf(error) }),
      )
      afterJob()
    } else {
      await Promise.allSettled(running)
      await work.close()
      process.disconnect?.()
    }
  }

  process.on('message', (request: ChildRequest<Setup, Job>) => {
    const answered = answer(request)
    if (request.kind === 'end') return
    running.add(answered)
    answered.finally(() => running.delete(answered))
  })
  // Whoever started this process is gone: nobody waits for answers any more.
  process.on('disconnect', () => process.exit(0))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

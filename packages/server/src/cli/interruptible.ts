import { EXIT, UserError } from './exit.js'

/** Work that Ctrl-C stops; `advice` tells what becomes of it then. */
export async function interruptible<Value>(
  advice: string,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const interrupted = new AbortController()
  const stop = () => interrupted.abort(new UserError(`interrupted; ${advice}`, EXIT.interrupted))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    return await work(interrupted.signal)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** What a server holds at rest, the garbage collected. */
export interface MemorySample {
  /** Resident memory of the process, engine threads and all, bytes. */
  rss: number
  /** Of the main thread: objects of JavaScript, and buffers outside its heap, bytes. */
  heap: number
  /** Sockets, timers and the like that are open: how many of each kind. */
  resources: Readonly<Record<string, number>>
}

/** A line through points. */
export interface Line {
  /** Units of y for one of x. */
  slope: number
  /** Standard error of the slope. */
  error: number
}

/** Node options of a server that {@link sampleMemory} can ask. @param probe URL of the built `memory-probe.js`. */
export const probeOptions = (probe: string): string[] => ['--expose-gc', '--import', probe]

/** @throws {Error} when the server ends instead of answering. */
export async function sampleMemory(server: ChildProcess): Promise<MemorySample> {
  const done = new AbortController()
  const sample = once(server, 'message', done)
  const end = once(server, 'exit', done).then(([code]) => Promise.reject(new Error(`the server ended with ${code}`)))
  try {
    server.send('sample')
    const [answer] = await Promise.race([sample, end])
    return answer as MemorySample // the probe sends nothing else
  } finally {
    done.abort()
    await Promise.allSettled([sample, end])
  }
}

/** The least-squares line through points. NaN for fewer than two x. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const sum = (of: (x: number, y: number) => number) => points.reduce((total, [x, y]) => total + of(x, y), 0)
  const meanX = mean(points.map(([x]) => x))
  const meanY = mean(points.map(([, y]) => y))
  const spread = sum((x) => (x - meanX) ** 2)
  const slope = sum((x, y) => (x - meanX) * (y - meanY)) / spread
  const residual = sum((x, y) => (y - meanY - slope * (x - meanX)) ** 2)
  return { slope, error: Math.sqrt(residual / Math.max(1, points.length - 2) / spread) }
}

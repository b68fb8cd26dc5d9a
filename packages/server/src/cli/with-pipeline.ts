import { assemblePipeline, type Pipeline } from '../assemble.js'
import type { Settings } from '../config.js'

/** Load the engines, work with them, and end their threads whatever happens. */
export async function withPipeline<Value>(
  settings: Pick<Settings, 'threads' | 'maxQueuedInputs'>,
  signal: AbortSignal,
  work: (pipeline: Pipeline) => Promise<Value>,
): Promise<Value> {
  const pipeline = await assemblePipeline(settings, signal)
  try {
    return await work(pipeline)
  } finally {
    await pipeline.close()
  }
}

import { assemblePipeline, type Pipeline, type PipelineSettings } from '../assemble.js'

/** Load the engines, work with them, and end their threads whatever happens. */
export async function withPipeline<Value>(
  settings: PipelineSettings,
  signal: AbortSignal,
  work: (pipeline: Pipeline) => Promise<Value>,
): Promise<Value> {
  const pipeline = await assemblePipeline(settings, signal, {
    onFailure: (engine, error) => process.stderr.write(`quiver: ${engine} could not be started: ${messageOf(error)}\n`),
  })
  try {
    return await work(pipeline)
  } finally {
    await pipeline.close()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

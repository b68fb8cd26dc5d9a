/**
 * Loaded into the server by `--import`, with `--expose-gc`: to each message it answers with a {@link MemorySample}, taken
 * after everything that nobody holds has been collected.
 */
import type { MemorySample } from './memory.js'

const { gc } = globalThis
if (gc === undefined) throw new TypeError('the probe needs --expose-gc')

process.on('message', () => {
  // Twice: what finalizers let go of is collected the second time.
  gc()
  gc()
  const { rss, heapUsed, external } = process.memoryUsage()
  const resources: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  const sample: MemorySample = { rss, heap: heapUsed + external, resources }
  process.send?.(sample)
})
// Listening must not keep the server alive.
process.channel?.unref()

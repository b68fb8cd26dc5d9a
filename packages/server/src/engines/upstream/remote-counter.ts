import type { UpstreamEntry } from '../engine-entry.js'
import type { ReplicaPool } from './pool.js'
import type { TokenRoute } from './protocol.js'
import { estimateTokens, type TokenCounter } from './token-counter.js'

/** Counts by asking the servers, any of them: they have the same model. */
export function createRemoteCounter(
  route: TokenRoute,
  { pool, entry }: { pool: ReplicaPool; entry: UpstreamEntry },
): TokenCounter {
  const countGroup = (texts: readonly string[], signal: AbortSignal) => {
    const weight = texts.reduce((sum, text) => sum + estimateTokens(text), 0)
    return pool.run(
      weight,
      async ({ connection }) => {
        const wire = route.encode(texts, entry.model)
        const answer = await connection.call({ method: 'POST', ...wire, signal, timeoutMs: entry.timeoutMs })
        return route.decode(answer, texts.length)
      },
      signal,
    )
  }
  return {
    isLocal: false,
    async count(texts, signal) {
      const groups: Promise<number[]>[] = []
      for (let start = 0; start < texts.length; start += route.maxTexts) {
        groups.push(countGroup(texts.slice(start, start + route.maxTexts), signal))
      }
      return (await Promise.all(groups)).flat()
    },
    close: async () => {},
  }
}

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ApiError } from '@quiver/protocol'
import type { TokenCounter } from './token-counter.js'

/** Texts → tokens of each; or why not. */
export type CountRequest = { id: number; texts: readonly string[] }
export type CountReply = { id: number; counts: number[] } | { id: number; error: string } | { isReady: true }

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts')
    ? '../../../dist/engines/upstream/local-counter-worker.js'
    : './local-counter-worker.js',
  import.meta.url,
)

interface Waiting {
  resolve: (counts: number[]) => void
  reject: (reason: unknown) => void
}

/**
 * Counts with the model's own tokenizer.json, in a thread, since a long text takes it a hundred milliseconds.
 *
 * @param folder of tokenizer.json, and tokenizer_config.json if there is one.
 * @throws {Error} for a file that is missing or is no tokenizer.
 */
export async function startLocalCounter(folder: string): Promise<TokenCounter> {
  const worker = new Worker(WORKER_URL, { workerData: { folder } })
  const waiting = new Map<number, Waiting>()
  const fail = (reason: unknown) => {
    for (const { reject } of waiting.values()) reject(reason)
    waiting.clear()
  }
  await Promise.race([
    once(worker, 'message'),
    once(worker, 'error').then(([error]) => {
      throw error
    }),
  ])
  worker.unref()
  worker.on('error', fail)
  worker.on('exit', () => fail(new ApiError('engine_failed', 'The tokenizer of the serving model has ended.')))
  worker.on('message', (reply: CountReply) => {
    if ('isReady' in reply) return
    const settle = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('counts' in reply) settle?.resolve(reply.counts)
    else
      settle?.reject(
        new ApiError('engine_failed', 'The tokenizer of the serving model failed.', { cause: reply.error }),
      )
  })
  let nextId = 0
  return {
    count(texts, signal) {
      signal.throwIfAborted()
      const id = nextId++
      const abort = () => {
        waiting.get(id)?.reject(signal.reason)
        waiting.delete(id)
      }
      signal.addEventListener('abort', abort, { once: true })
      const counted = new Promise<number[]>((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        worker.postMessage({ id, texts } satisfies CountRequest)
      })
      return counted.finally(() => signal.removeEventListener('abort', abort))
    },
    async close() {
      await worker.terminate()
    },
  }
}

import { parentPort } from 'node:worker_threads'
import type { Tokenizer } from './tokenizer.js'

/** Main thread → thread. */
export interface LongTextRequest {
  kind: 'tokenize' | 'locate'
  text: string
  maxTokens: number
}

/** Thread → main thread: what the tokenizer's function of that name returned. */
export type LongTextReply = { value: unknown } | { error: string }

/**
 * Be the thread of an `OffloadedTokenizer`: hundreds of thousands of characters take up to seconds, in which the main
 * thread would answer nobody.
 */
export function serveTokenizer(tokenizer: Pick<Tokenizer, 'tokenize' | 'locate'>): void {
  const port = parentPort
  if (port === null) throw new TypeError('a tokenizer is served in a worker thread only')
  port.on('message', ({ kind, text, maxTokens }: LongTextRequest) => {
    port.postMessage(answer(kind, text, maxTokens))
  })

  function answer(kind: LongTextRequest['kind'], text: string, maxTokens: number): LongTextReply {
    try {
      return { value: tokenizer[kind](text, maxTokens) }
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }
}

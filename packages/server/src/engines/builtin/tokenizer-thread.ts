/**
 * A thread that tokenises long texts, one at a time: hundreds of thousands of characters take up to seconds, in which
 * the main thread would answer nobody.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { loadTokenizer } from './weights.js'

/** What the thread is told when it starts. */
export interface TokenizerThreadSetup {
  /** Folder of the weights. */
  folder: string
}

/** Main thread → thread. */
export interface LongTextRequest {
  kind: 'tokenize' | 'locate'
  text: string
  maxTokens: number
}

/** Thread → main thread: what the tokenizer's function of that name returned. */
export type LongTextReply = { value: unknown } | { error: string }

const port = parentPort
if (port === null) throw new TypeError('tokenizer-thread.js runs as a worker thread only')
const { folder } = workerData as TokenizerThreadSetup // offloaded-tokenizer.ts starts this file with nothing else
const tokenizer = await loadTokenizer(folder)

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

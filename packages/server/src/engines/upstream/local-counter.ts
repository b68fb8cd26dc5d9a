import { join } from 'node:path'
import { readTokenizer } from '../tokenizers/load-tokenizer.js'
import { TokenizerError } from '../tokenizers/tokenizer.js'
import type { TokenCounter } from './token-counter.js'

/**
 * Counts with the model's own tokenizer.json.
 *
 * @param folder of tokenizer.json.
 * @throws {TokenizerError} for a file that is missing, is no tokenizer, or asks for what is not implemented.
 */
export async function startLocalCounter(folder: string): Promise<TokenCounter> {
  const path = join(folder, 'tokenizer.json')
  const { offloaded } = await readTokenizer(path).catch((error: unknown) => {
    throw error instanceof TokenizerError ? new TokenizerError(`${path}: ${error.message}`, { cause: error }) : error
  })
  const count = async (text: string, signal: AbortSignal) => {
    const { ids } = await offloaded.tokenize(text, { maxTokens: Number.MAX_SAFE_INTEGER, signal })
    return ids.length
  }
  return {
    isLocal: true,
    count: (texts, signal) => Promise.all(texts.map((text) => count(text, signal))),
    close: () => offloaded.close(),
  }
}

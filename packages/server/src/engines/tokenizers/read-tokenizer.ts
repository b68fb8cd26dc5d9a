import { readFile } from 'node:fs/promises'
import { createTokenizer } from './create-tokenizer.js'
import { OffloadedTokenizer } from './offloaded-tokenizer.js'
import { type Tokenizer, TokenizerError } from './tokenizer.js'

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const THREAD_URL = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/tokenizers/tokenizer-thread.js' : './tokenizer-thread.js',
  import.meta.url,
)

/** @param path of a `tokenizer.json`. @throws {TokenizerError} for a file that cannot be read, or is none. */
export async function readTokenizer(path: string): Promise<Tokenizer> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new TokenizerError(`the file cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`, {
      cause,
    })
  }
  return createTokenizer(content)
}

/** @param path of the `tokenizer.json` that `tokenizer` was made from; a thread reads it once more for long texts. */
export function offload(tokenizer: Tokenizer, path: string): OffloadedTokenizer {
  return new OffloadedTokenizer(tokenizer, { url: THREAD_URL, workerData: { path } })
}

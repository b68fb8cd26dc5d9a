import { readFile } from 'node:fs/promises'
import { createTokenizer } from './create-tokenizer.js'
import { OffloadedTokenizer } from './offloaded-tokenizer.js'
import { type Tokenizer, TokenizerError } from './tokenizer.js'

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const THREAD_URL = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/tokenizers/tokenizer-thread.js' : './tokenizer-thread.js',
  import.meta.url,
)

export interface ReadOptions {
  /** Whether the model was trained on texts in lower case, which its file may leave to whoever reads it. */
  isLowercased?: boolean
}

/** @param path of a `tokenizer.json`. @throws {TokenizerError} for a file that cannot be read, or is none. */
export async function readTokenizer(path: string, { isLowercased = false }: ReadOptions = {}): Promise<Tokenizer> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new TokenizerError(`the file cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`, {
      cause,
    })
  }
  return createTokenizer(isLowercased ? lowercased(content) : content)
}

/** The file of a tokenizer with lower-casing before all else, unless its normalizer does that already. */
function lowercased(content: unknown): unknown {
  const file: Readonly<Record<string, unknown>> = Object(content)
  const { normalizer } = file
  if (/"type":"Lowercase"|"lowercase":true/.test(JSON.stringify(normalizer) ?? '')) return content
  const normalizers = [{ type: 'Lowercase' }, ...(normalizer ? [normalizer] : [])]
  return { ...file, normalizer: { type: 'Sequence', normalizers } }
}

/** @param path of the `tokenizer.json` that `tokenizer` was made from; a thread reads it once more for long texts. */
export function offload(tokenizer: Tokenizer, path: string, options: ReadOptions = {}): OffloadedTokenizer {
  return new OffloadedTokenizer(tokenizer, { url: THREAD_URL, workerData: { path, options } })
}

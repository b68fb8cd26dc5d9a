import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import type { CompileReply, CompileRequest } from './compile-thread.js'
import type { CompiledTokenizer } from './compile-tokenizer.js'
import { OffloadedTokenizer } from './offloaded-tokenizer.js'
import { openTokenizer } from './open-tokenizer.js'
import { type Tokenizer, TokenizerError } from './tokenizer.js'

// Under Vitest this file runs as TypeScript; a worker thread needs the compiled one, which `npm test` builds first.
const threadUrl = (name: string) =>
  new URL(
    import.meta.url.endsWith('.ts') ? `../../../dist/engines/tokenizers/${name}.js` : `./${name}.js`,
    import.meta.url,
  )

export interface LoadOptions {
  /** Whether the model was trained on texts in lower case, which its file may leave to whoever reads it. */
  isLowercased?: boolean
}

/** A tokenizer for short texts here, and for texts of any length. */
export interface LoadedTokenizer {
  tokenizer: Tokenizer
  /** To be closed. */
  offloaded: OffloadedTokenizer
}

/** @param path of a `tokenizer.json`. @throws {TokenizerError} for a file that cannot be read, or is none. */
export async function readTokenizer(path: string, options: LoadOptions = {}): Promise<LoadedTokenizer> {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new TokenizerError(`the file cannot be read (${cause.message}).`, { cause })
  })
  return loadTokenizer(bytes, options)
}

/**
 * Parsing and building is a thread's: hundreds of thousands of pieces take up to a second, in which requests for other
 * models would wait. What it built lies in memory that this thread and the one for long texts share.
 *
 * @param bytes of a `tokenizer.json`. @throws {TokenizerError} for what is none, or asks for what is not implemented.
 */
export async function loadTokenizer(
  bytes: Uint8Array,
  { isLowercased = false }: LoadOptions = {},
): Promise<LoadedTokenizer> {
  const compiled = await compileInThread({ bytes, isLowercased })
  const tokenizer = openTokenizer(compiled)
  const offloaded = new OffloadedTokenizer(tokenizer, { url: threadUrl('tokenizer-thread'), workerData: compiled })
  return { tokenizer, offloaded }
}

function compileInThread(request: CompileRequest): Promise<CompiledTokenizer> {
  const thread = new Worker(threadUrl('compile-thread'), { workerData: request, name: 'tokenizer' })
  return new Promise((resolve, reject) => {
    thread.once('message', (reply: CompileReply) => {
      if ('compiled' in reply) resolve(reply.compiled)
      else reject(new TokenizerError(reply.error))
    })
    thread.once('error', reject)
    thread.once('exit', () => reject(new TokenizerError('the thread that reads it ended.')))
  })
}

/** The thread that makes a tokenizer of the bytes of a `tokenizer.json`, hands it over, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { type CompiledTokenizer, compileTokenizer } from './compile-tokenizer.js'

export interface CompileRequest {
  bytes: Uint8Array
  /** As {@link LoadOptions}. */
  isLowercased: boolean
}

export type CompileReply = { compiled: CompiledTokenizer } | { error: string }

const { bytes, isLowercased } = workerData as CompileRequest // load-tokenizer.ts starts this file with nothing else
parentPort?.postMessage(compile())

function compile(): CompileReply {
  let content: unknown
  try {
    content = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch (cause) {
    return { error: `the file cannot be read (${messageOf(cause)}).` }
  }
  try {
    return { compiled: compileTokenizer(isLowercased ? lowercased(content) : content) }
  } catch (error) {
    return { error: messageOf(error) }
  }
}

/** The file of a tokenizer with lower-casing before all else, unless its normalizer does that already. */
function lowercased(content: unknown): unknown {
  const file: Readonly<Record<string, unknown>> = Object(content)
  const { normalizer } = file
  if (/"type":"Lowercase"|"lowercase":true/.test(JSON.stringify(normalizer) ?? '')) return content
  const normalizers = [{ type: 'Lowercase' }, ...(normalizer ? [normalizer] : [])]
  return { ...file, normalizer: { type: 'Sequence', normalizers } }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

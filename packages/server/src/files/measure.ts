import { createHash } from 'node:crypto'
import { ApiError } from '@quiver/protocol'
import type { BlobReceipt } from './blob-store.js'

/** Bytes on their way: counted, hashed, and stopped at a limit. */
export interface Measured {
  bytes: AsyncIterable<Uint8Array>
  /** Of what has gone by so far; complete when `bytes` has ended. */
  receipt(): BlobReceipt
}

/**
 * Pass bytes through, none of them more than once.
 *
 * @throws {ApiError} `body_too_large` from the iteration, before a byte over `maxBytes` has been passed on.
 */
export function measure(
  source: AsyncIterable<Uint8Array>,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Measured {
  const hash = createHash('sha256')
  let bytes = 0
  let sha256: string | undefined
  async function* pass() {
    for await (const chunk of source) {
      signal.throwIfAborted()
      if (bytes + chunk.length > maxBytes) {
        throw new ApiError('body_too_large', `Payload Too Large: a file may have ${maxBytes} bytes, it has more.`)
      }
      bytes += chunk.length
      hash.update(chunk)
      yield chunk
    }
    signal.throwIfAborted()
  }
  return {
    bytes: pass(),
    receipt() {
      sha256 ??= hash.digest('hex')
      return { bytes, sha256 }
    },
  }
}

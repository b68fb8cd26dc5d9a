/**
 * Bytes under keys; the store behind uploaded files and results.
 *
 * A key is one or more segments of `a–z 0–9 . _ -` between slashes, none beginning with a dot ({@link checkBlobKey}). No
 * key is a folder of another.
 */
export interface BlobStore {
  /**
   * Keep all bytes of `source` under `key`, in place of what was there. Visible whole or not at all: after a crash too.
   *
   * @throws {ApiError} `body_too_large` over `maxBytes`; `source` is then closed, and nothing is kept.
   */
  write(
    key: string,
    source: AsyncIterable<Uint8Array>,
    options: { maxBytes: number; signal: AbortSignal },
  ): Promise<BlobReceipt>
  /**
   * The bytes `[start, end)`, like `slice`; both default to the whole, and an end behind the last byte is the last byte.
   *
   * @throws {ApiError} `not_found` when nothing is kept under the key.
   */
  read(key: string, options: { start?: number; end?: number; signal: AbortSignal }): AsyncIterable<Uint8Array>
  stat(key: string): Promise<{ bytes: number } | undefined>
  /** Nothing happens when nothing is kept under the key. */
  delete(key: string): Promise<void>
  /** Every key that begins with `prefix`, in no particular order; keys that come or go meanwhile may be missed. */
  list(prefix: string): AsyncIterable<string>
  /** Remove what writes that never finished left behind, those last touched before a moment. @returns how many. */
  sweepUnfinished(before: Date): Promise<number>
}

/** What was written. */
export interface BlobReceipt {
  bytes: number
  /** Hex digits. */
  sha256: string
}

const SEGMENT = '[a-z0-9][a-z0-9._-]{0,127}'
const KEY = new RegExp(`^${SEGMENT}(/${SEGMENT}){0,15}$`)

/**
 * Keys are made by this server, never by callers. So a wrong one is a fault of ours; lower case only, because some file
 * systems do not tell `A` from `a`.
 *
 * @throws {RangeError}
 */
export function checkBlobKey(key: string): string {
  if (!KEY.test(key)) throw new RangeError(`not a key of a blob: ${JSON.stringify(key.slice(0, 200))}`)
  return key
}

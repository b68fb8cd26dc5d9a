import { hash, timingSafeEqual } from 'node:crypto'
import { ApiError } from '@quiver/protocol'

/** Who calls. With keys from the configuration there is nothing more to know than which key it was. */
export interface Caller {
  /** First characters of the key's SHA-256, safe to log. */
  keyId: string
}

/** A caller without a key, where none is needed. */
export const ANONYMOUS: Caller = { keyId: 'none' }

/** Decides whether a key may call. */
export interface Keyring {
  /** Whether any key is accepted, because none was configured. */
  readonly isOpen: boolean
  /** @throws {ApiError} `invalid_api_key` for a missing or unknown key. */
  check(key: string | undefined): Caller
}

/** Keys are compared as SHA-256 digests in constant time and kept in no other form. */
export function createKeyring(keys: readonly string[]): Keyring {
  const digests = keys.map(digest)
  return {
    isOpen: digests.length === 0,
    check(key) {
      if (key === undefined || key === '') throw missingKey()
      const given = digest(key)
      const isKnown = digests.length === 0 || digests.map((known) => timingSafeEqual(known, given)).includes(true)
      if (!isKnown) throw wrongKey()
      return { keyId: given.toString('hex').slice(0, 8) }
    },
  }
}

function missingKey(): ApiError {
  return new ApiError('invalid_api_key', 'No API-key provided.', {
    messages: {
      openai: 'You did not provide an API key. Send it as `Authorization: Bearer YOUR_KEY`.',
    },
  })
}

function wrongKey(): ApiError {
  return new ApiError('invalid_api_key', 'Invalid API-key provided.', {
    messages: { openai: 'Incorrect API key provided. ' },
  })
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

import { hash, timingSafeEqual } from 'node:crypto'
import { ApiError } from '@quiver/protocol'

/** Who calls. With keys from the configuration there is nothing more to know than which key it was. */
export interface Caller {
  /** First characters of the key's SHA-256, safe to log. */
  keyId: string
  /** Whose files and jobs it sees: each key's own, for a key has no other owner yet. */
  project: string
}

/** A caller without a key, where none is needed. */
export const ANONYMOUS: Caller = { keyId: 'none', project: 'none' }

/** 128 bits: where any key is accepted, nobody can make one that falls into another's project. */
const PROJECT_DIGITS = 32

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
      const hex = given.toString('hex')
      return { keyId: hex.slice(0, 8), project: hex.slice(0, PROJECT_DIGITS) }
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

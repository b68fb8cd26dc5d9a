import { createHmac, timingSafeEqual } from 'node:crypto'
import { ApiError } from '@quiver/protocol'
import { checkBlobKey } from './blob-store.js'

/** Signs and checks; the secret stays inside. */
export interface UrlSigner {
  /**
   * A URL that gives the blob to whoever has it, without a key, until a moment.
   *
   * @param key must begin with `results/`.
   * @param base of the server, as the client can reach it.
   */
  signUrl(key: string, expiresAt: Date, base: string): string
  /**
   * @param path behind `/results/`.
   * @returns the key of the blob.
   * @throws {ApiError} `invalid_signature`, `access_denied` when its time is over.
   */
  checkUrl(path: string, query: Readonly<Record<string, unknown>>): string
  /** Base64 of the HMAC-SHA-256 of a text, for one use; another use's signature never fits. */
  sign(use: string, text: string): string
  /** In constant time. */
  isSigned(use: string, text: string, signature: string): boolean
}

/** Blobs that URLs can be signed for. */
export const RESULTS_PREFIX = 'results/'
/** OSS's URLs name the key that signed them; ours is the server's own. */
export const ACCESS_KEY_ID = 'quiver'

/** Query of a signed URL: `Expires` in Unix seconds, `OSSAccessKeyId`, `Signature`, as OSS has them. */
export function createUrlSigner(secret: Uint8Array, now: () => Date = () => new Date()): UrlSigner {
  const sign = (use: string, text: string) => createHmac('sha256', secret).update(`${use}\n${text}`).digest('base64')
  // Compared as text: base64 has several spellings of the same bytes, and only one was given out.
  const isSigned = (use: string, text: string, signature: string) => {
    const given = Buffer.from(signature)
    const own = Buffer.from(sign(use, text))
    return given.length === own.length && timingSafeEqual(given, own)
  }
  return {
    signUrl(key, expiresAt, base) {
      if (!checkBlobKey(key).startsWith(RESULTS_PREFIX)) throw new RangeError(`not a result: ${key}`)
      const expires = String(Math.floor(expiresAt.getTime() / 1000))
      const query = new URLSearchParams({
        Expires: expires,
        OSSAccessKeyId: ACCESS_KEY_ID,
        Signature: sign('url', `${expires}\n${key}`),
      })
      return `${base}/${key}?${query}`
    },
    checkUrl(path, { Expires: expires, Signature: signature }) {
      const key = `${RESULTS_PREFIX}${path}`
      const isOurs =
        typeof expires === 'string' && typeof signature === 'string' && isSigned('url', `${expires}\n${key}`, signature)
      if (!isOurs) {
        throw new ApiError(
          'invalid_signature',
          'The request signature we calculated does not match the signature you provided.',
        )
      }
      if (Number(expires) * 1000 <= now().getTime()) throw new ApiError('access_denied', 'Request has expired.')
      return checkBlobKey(key)
    },
    sign,
    isSigned,
  }
}

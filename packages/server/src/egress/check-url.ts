import { ApiError } from '@quiver/protocol'

/** Signed URLs of object stores are the longest honest ones, about 2,000 characters. */
const MAX_URL_LENGTH = 8_192
/** Spaces, control characters and backslashes: readers of URLs disagree on what they mean, so none is let through. */
const AMBIGUOUS = /[\s\\]|\p{Cc}/u

/**
 * A URL as a caller wrote it → the one that will be fetched, in WHATWG's normal form: `0x7f.1` has become `127.0.0.1`.
 *
 * @param base what a redirect's relative URL is relative to.
 * @throws {ApiError} `invalid_url`
 */
export function checkUrl(text: string, { base, param }: { base?: URL; param?: string } = {}): URL {
  const refuse = (reason: string): never => {
    throw invalidUrl(reason, param)
  }
  if (text.length > MAX_URL_LENGTH) refuse(`it has ${text.length} characters, ${MAX_URL_LENGTH} are allowed`)
  if (AMBIGUOUS.test(text)) refuse('it holds a space, a control character or a backslash')
  if (!URL.canParse(text, base?.href)) refuse('it is not a URL')
  const url = new URL(text, base)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse('it must begin with http:// or https://')
  if (url.username !== '' || url.password !== '') refuse('it must not hold a user name or a password')
  return url
}

/** A URL that is refused as it stands, in the service's words. */
export function invalidUrl(reason: string, param?: string): ApiError {
  return new ApiError(
    'invalid_url',
    `Required URL is missing or invalid, please check the request URL: ${reason}.`,
    param === undefined ? {} : { param },
  )
}

import { ApiError } from '@quiver/protocol'

const DATA_URI = /^data:([^,]*),/i
/** How base64 begins. What is shorter is more likely a name or a mistyped URL than a picture. */
const BASE64_BEGINS = /^[A-Za-z0-9+/]{64}/

/**
 * The bytes of a source that brings them along: a data URI, or base64 as such. The media type is not asked: what the bytes
 * are, they say themselves.
 *
 * @returns `undefined` for a source that only names them.
 * @throws {ApiError} `invalid_media` for one that is no base64 or has too many bytes.
 */
export function inlineBytes(source: string, { maxBytes }: { maxBytes: number }): Uint8Array | undefined {
  const head = DATA_URI.exec(source.slice(0, 1024))
  if (head !== null) {
    const [prefix, type = ''] = head
    if (!/;base64$/i.test(type.trim())) throw unreadable('a data URI must be base64')
    return decode(source.slice(prefix.length), maxBytes)
  }
  return BASE64_BEGINS.test(source) ? decode(source, maxBytes) : undefined
}

/** Line breaks may take so much of a text; what is not base64 at all decodes to far less. */
const LEAST_SHARE = 0.95

function decode(text: string, maxBytes: number): Uint8Array {
  // Four characters are three bytes; told before they are decoded.
  const expected = Math.floor((text.length * 3) / 4)
  if (expected * LEAST_SHARE > maxBytes + 2) throw unreadable(`it has about ${expected} bytes, ${maxBytes} are allowed`)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < expected * LEAST_SHARE - 2) throw unreadable('it is no base64')
  return bytes
}

function unreadable(reason: string): ApiError {
  return new ApiError('invalid_media', `The media format is not supported or incorrect: ${reason}.`)
}

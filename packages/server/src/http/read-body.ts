import { ApiError } from '@quiver/protocol'

/** Keeps nothing between calls, so one serves all; making one costs more than decoding a short body. */
const UTF8 = new TextDecoder('utf-8', { fatal: true })
/**
 * Lists, objects and their elements in one body. Every one of them costs a look: two million of them held up all other
 * requests. The largest honest body is LangChain's, a thousand texts as token ids: some hundred thousand numbers.
 */
const MAX_VALUES = 524_288

/**
 * Bytes → JSON value.
 *
 * The content type is not asked: curl without `-H` says it sends a form. A UTF-8 byte order mark is skipped.
 * @throws {ApiError} `invalid_body` for anything that is not UTF-8 JSON, or has more than 524,288 values.
 */
export function readJson(bytes: Buffer): unknown {
  if (hasMoreValues(bytes, MAX_VALUES)) {
    throw new ApiError(
      'invalid_body',
      `Required body invalid, please check the request body format: more than ${MAX_VALUES} values.`,
    )
  }
  try {
    return JSON.parse(UTF8.decode(bytes))
  } catch (cause) {
    throw new ApiError('invalid_body', 'Required body invalid, please check the request body format: not valid JSON.', {
      cause,
    })
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** What begins a list, an object, or its next element. */
const BEGINNINGS = new Set(Buffer.from('[{,'))

/** Counted before parsing, because parsing builds them all. A body that is too short for so many is not looked at. */
function hasMoreValues(bytes: Buffer, most: number): boolean {
  if (bytes.length <= most) return false
  let count = 0
  for (let at = 0; at < bytes.length && count <= most; at++) {
    const byte = bytes[at] as number // at < length
    if (byte === QUOTE) at = endOfString(bytes, at)
    else if (BEGINNINGS.has(byte)) count++
  }
  return count > most
}

/** Position of the quote that ends the string which begins at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}

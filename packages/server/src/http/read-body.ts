import { ApiError } from '@quiver/protocol'

/** Keeps nothing between calls, so one serves all; making one costs more than decoding a short body. */
const UTF8 = new TextDecoder('utf-8', { fatal: true })
/**
 * What a body may have at most, because parsing costs for each of them and holds up all other requests meanwhile:
 * - `values`: lists, objects and their elements. OpenAI takes 300,000 token ids in a request.
 * - `fields`: of all objects together, each with a name of its own to keep. 2,048 texts may each come in an object.
 * - `levels`: of lists and objects within each other. The deepest body that is understood has five.
 */
const LIMITS = { values: 327_680, fields: 16_384, levels: 128 }
type Count = keyof typeof LIMITS
/** A shorter body cannot have so much that it matters: a field takes five bytes. Most are, and are not looked at. */
const ALWAYS_SMALL_BYTES = LIMITS.fields * 5

/**
 * Bytes → JSON value.
 *
 * The content type is not asked: curl without `-H` says it sends a form. A UTF-8 byte order mark is skipped.
 * @throws {ApiError} `invalid_body` for anything that is not UTF-8 JSON, or has more of something than {@link LIMITS}.
 */
export function readJson(bytes: Buffer): unknown {
  const excess = bytes.length > ALWAYS_SMALL_BYTES ? excessOf(bytes) : undefined
  if (excess !== undefined) {
    throw new ApiError(
      'invalid_body',
      `Required body invalid, please check the request body format: more than ${LIMITS[excess]} ${excess}.`,
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
/** What each byte means outside of strings: 0, nothing. */
const [OPENS, CLOSES, SEPARATES, NAMES, QUOTES] = [1, 2, 3, 4, 5]
const MEANINGS = new Uint8Array(256)
for (const [characters, meaning] of [
  ['[{', OPENS],
  [']}', CLOSES],
  [',', SEPARATES],
  [':', NAMES],
  ['"', QUOTES],
] as const) {
  for (const byte of Buffer.from(characters)) MEANINGS[byte] = meaning
}

/** What there is too much of. Counted before parsing, because parsing builds it all. */
function excessOf(bytes: Buffer): Count | undefined {
  let [values, fields, levels] = [0, 0, 0]
  for (let at = 0; at < bytes.length; at++) {
    const meaning = MEANINGS[bytes[at] as number] // at < length
    if (meaning === 0) continue
    if (meaning === QUOTES) at = endOfString(bytes, at)
    else if (meaning === NAMES) fields++
    else if (meaning === CLOSES) levels--
    else values++
    if (meaning === OPENS) levels++
    if (values > LIMITS.values) return 'values'
    if (fields > LIMITS.fields) return 'fields'
    if (levels > LIMITS.levels) return 'levels'
  }
  return undefined
}

/** Position of the quote that ends the string which begins at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}

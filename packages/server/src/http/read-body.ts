import { ApiError } from '@quiver/protocol'

/** Keeps nothing between calls, so one serves all; making one costs more than decoding a short body. */
const UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Bytes → JSON value.
 *
 * The content type is not asked: curl without `-H` says it sends a form. A UTF-8 byte order mark is skipped.
 * @throws {ApiError} `invalid_body` for anything that is not UTF-8 JSON.
 */
export function readJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(bytes))
  } catch (cause) {
    throw new ApiError('invalid_body', 'Required body invalid, please check the request body format: not valid JSON.', {
      cause,
    })
  }
}

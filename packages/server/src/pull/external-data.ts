import { createReadStream } from 'node:fs'

/**
 * ONNX keeps numbers outside the graph as `TensorProto.external_data`, key-value pairs of which `location` is a path beside
 * the graph. In the protobuf's bytes such a pair is a StringStringEntryProto: field 1 (0x0a) "location", field 2 (0x12)
 * its value, each with its length before it.
 * @see https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
 */
const KEY = Buffer.from('\x0a\x08location\x12', 'latin1')
/** Longest location: below 128 its length is a single byte, and file names are shorter than that. */
const MAX_LENGTH = 127

/**
 * Which files beside an ONNX graph it needs. Reads the file once, without decoding it; numbers inside a graph could imitate
 * a pair, so a location counts only if it is printable.
 */
export async function externalDataLocations(path: string, signal: AbortSignal): Promise<string[]> {
  const found = new Set<string>()
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    const bytes = Buffer.concat([rest, chunk as Buffer]) // a stream without encoding gives buffers
    rest = collect(bytes, found)
  }
  collect(Buffer.concat([rest, Buffer.alloc(MAX_LENGTH + 1)]), found)
  return [...found]
}

/** @returns the end of `bytes` in which a pair may begin that goes on behind it. */
function collect(bytes: Buffer, found: Set<string>): Buffer {
  const complete = KEY.length + 1 + MAX_LENGTH
  let from = 0
  for (;;) {
    const at = bytes.indexOf(KEY, from)
    if (at < 0) return bytes.subarray(Math.max(from, bytes.length - KEY.length + 1))
    if (bytes.length - at < complete) return bytes.subarray(at)
    const length = bytes[at + KEY.length] ?? 0
    const start = at + KEY.length + 1
    const location = bytes.toString('utf8', start, start + length)
    if (length > 0 && length <= MAX_LENGTH && /^[\w][\w./-]*$/.test(location)) found.add(location)
    from = at + 1
  }
}

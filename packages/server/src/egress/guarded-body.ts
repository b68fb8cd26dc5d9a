import { pipeline, Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { downloadFailed } from './download-failed.js'

export interface BodyLimits {
  /** Bytes as they travel, and bytes after decompression: neither may be more. */
  maxBytes: number
  /** What must arrive while it is waited for; the consumer's own slowness does not count. */
  pace: Pace
  /** How long nothing may arrive while it is waited for. */
  idleMs: number
}

/** A sender of fewer than `minBytes` in `windowMs` of waiting is given up. */
export interface Pace {
  windowMs: number
  minBytes: number
}

/** What honest compression stays below: JSON of one repeated line reaches about 200. */
const MAX_RATIO = 300
/** Below this a high ratio costs nothing. */
const RATIO_FREE_BYTES = 1024 * 1024

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/**
 * A response's bytes, decompressed, or an error as soon as they break a limit. Ending the iteration early ends the
 * transfer.
 *
 * @param encoding value of `Content-Encoding`; one coding at most.
 * @throws {ApiError} `download_failed`, at once for an unknown coding.
 */
export function guardedBody(raw: Readable, encoding: string, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  const coding = encoding.trim().toLowerCase()
  if (coding === '' || coding === 'identity') return paced(raw, limits)
  const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding]?.() : undefined
  if (decoder === undefined) throw downloadFailed('its Content-Encoding is not gzip, deflate or br')
  return decompressed(raw, decoder, limits)
}

async function* decompressed(raw: Readable, decoder: Transform, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  let received = 0
  let produced = 0
  async function* counted() {
    for await (const chunk of paced(raw, limits)) {
      received += chunk.length
      yield chunk
    }
  }
  // Whatever fails on the way destroys the decoder, so the iteration below throws it.
  pipeline(Readable.from(counted(), { objectMode: false }), decoder, () => {})
  for await (const chunk of decoder as AsyncIterable<Buffer>) {
    produced += chunk.length
    if (produced > limits.maxBytes) throw tooLarge(limits.maxBytes)
    if (produced > RATIO_FREE_BYTES && produced > received * MAX_RATIO) {
      throw downloadFailed(`it is compressed more than ${MAX_RATIO} to 1`)
    }
    yield chunk
  }
}

/** Pass chunks on as long as enough of them come, and not too many. */
async function* paced(raw: Readable, { maxBytes, pace, idleMs }: BodyLimits): AsyncGenerator<Uint8Array> {
  let total = 0
  let inWindow = 0
  let waitedMs = 0
  const chunks = raw[Symbol.asyncIterator]() as AsyncIterator<Uint8Array> // a byte stream without an encoding set
  try {
    for (;;) {
      const askedAt = performance.now()
      const timer = setTimeout(() => raw.destroy(new Error(`nothing came for ${idleMs} ms`)), idleMs)
      const { done, value } = await chunks.next().finally(() => clearTimeout(timer))
      if (done === true) return
      waitedMs += performance.now() - askedAt
      total += value.length
      inWindow += value.length
      if (total > maxBytes) throw tooLarge(maxBytes)
      if (waitedMs >= pace.windowMs) {
        if (inWindow < pace.minBytes) throw downloadFailed('it arrives too slowly')
        waitedMs = 0
        inWindow = 0
      }
      yield value
    }
  } finally {
    await chunks.return?.()
  }
}

export function tooLarge(maxBytes: number) {
  return downloadFailed(`it has more than ${maxBytes} bytes`)
}

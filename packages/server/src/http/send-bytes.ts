import { Readable } from 'node:stream'
import { ApiError } from '@quiver/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Stored bytes that can be read from any place. */
export interface Sendable {
  bytes: number
  filename: string
  mediaType: string
  /** What is stored never changes, so a range is right whatever `If-Range` says. */
  read(range: { start: number; end: number }): AsyncIterable<Uint8Array>
}

/**
 * Answer with stored bytes, or the range that was asked for.
 *
 * They are somebody's: a browser must save them, never show them as a page of this server, whatever they look like.
 * @throws {ApiError} `range_not_satisfiable`
 */
export function sendBytes(
  { bytes, filename, mediaType, read }: Sendable,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Readable {
  const range = parseRange(request.headers.range, bytes)
  if (range === 'none') {
    reply.header('content-range', `bytes */${bytes}`)
    throw new ApiError('range_not_satisfiable', `The requested range cannot be satisfied: there are ${bytes} bytes.`)
  }
  const { start, end } = range ?? { start: 0, end: bytes }
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${bytes}`)
  reply.headers({
    'content-type': mediaType,
    'content-length': end - start,
    'content-disposition': dispositionOf(filename),
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'private, no-store',
    'accept-ranges': 'bytes',
  })
  // Fastify would read the whole of it for HEAD, and drop it.
  const bytesToSend = request.method === 'HEAD' ? [] : read({ start, end })
  return Readable.from(bytesToSend, { objectMode: false })
}

/**
 * One range, `[start, end)`; `none` where it lies outside. What is malformed or asks for several is `undefined`: the
 * whole may be sent instead (RFC 9110 §14.2).
 */
export function parseRange(
  header: string | undefined,
  bytes: number,
): { start: number; end: number } | 'none' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), bytes)
    return length === 0 ? 'none' : { start: bytes - length, end: bytes }
  }
  const start = Number(first)
  const end = last === '' ? bytes : Math.min(Number(last) + 1, bytes)
  if (last !== '' && Number(last) < start) return undefined
  return start >= bytes ? 'none' : { start, end }
}

/** RFC 6266: an ASCII name for old readers, the real one for the others. */
function dispositionOf(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const exact = encodeURIComponent(filename.replace(/\p{Cs}/gu, '_')).replace(/['()*]/g, escapeByte)
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`
}

const escapeByte = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

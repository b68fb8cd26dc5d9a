import type { z } from 'zod'

/** One HTTP request before it becomes bytes. Head parts are Latin-1 text, so that any byte can stand in them. */
export interface Message {
  method: string
  target: string
  headers: [name: string, value: string][]
  body: Buffer
  framing: Framing
  /** Shape of the answer 200, where method and target are still those of a known endpoint. */
  response?: z.ZodType | undefined
}

/**
 * How the body is announced: honestly; in chunks; as longer or shorter than it is; not at all; or in chunks that are
 * broken.
 */
export type Framing = 'length' | 'chunked' | 'too-long' | 'too-short' | 'unannounced' | 'broken-chunks'

/** A server closes the connection on a body above its limit (4 MiB); the reset may overtake the answer. */
const MOST_BODY_BYTES = 4 * 1024 * 1024

/** Whether a server that keeps to HTTP can answer it completely without hearing more, and the answer must arrive. */
export function isComplete({ framing, body, headers }: Message): boolean {
  const isReframed = headers.some(([name]) => /^(content-length|transfer-encoding|expect|upgrade)\s*$/i.test(name))
  if (body.length > MOST_BODY_BYTES) return false
  return framing === 'length' || framing === 'chunked' ? !isReframed : framing === 'unannounced' && body.length === 0
}

/** The request as it goes on the wire. */
export function toBytes({ method, target, headers, body, framing }: Message): Buffer {
  const all = [...headers, ...framingHeaders(framing, body.length)]
  const head = [`${method} ${target} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), framedBody(framing, body)])
}

function framingHeaders(framing: Framing, length: number): [string, string][] {
  switch (framing) {
    case 'length':
      return [['Content-Length', String(length)]]
    case 'too-long':
      return [['Content-Length', String(length + 7)]]
    case 'too-short':
      return [['Content-Length', String(Math.max(0, length - 7))]]
    case 'chunked':
    case 'broken-chunks':
      return [['Transfer-Encoding', 'chunked']]
    case 'unannounced':
      return []
  }
}

function framedBody(framing: Framing, body: Buffer): Buffer {
  if (framing !== 'chunked' && framing !== 'broken-chunks') return body
  const half = body.length >> 1
  const chunks = [body.subarray(0, half), body.subarray(half)].filter(({ length }) => length > 0)
  const size = framing === 'chunked' ? ({ length }: Buffer) => length.toString(16) : () => 'zz'
  const framed = chunks.map((chunk) =>
    Buffer.concat([Buffer.from(`${size(chunk)};x=1\r\n`), chunk, Buffer.from('\r\n')]),
  )
  return Buffer.concat([...framed, Buffer.from('0\r\nX-Trailer: 1\r\n\r\n')])
}

import { ApiError } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'
import { sendBytes } from '../send-bytes.js'

/** Types of results by the end of their name. A gzip stays one: no `Content-Encoding`, so a download is the .gz. */
const MEDIA_TYPES: readonly (readonly [end: string, type: string])[] = [
  ['.gz', 'application/gzip'],
  ['.jsonl', 'application/jsonl'],
  ['.txt', 'text/plain; charset=utf-8'],
]

export const result: Endpoint = {
  method: 'GET',
  paths: ['/results/*'],
  dialect: 'oss',
  isPublic: true, // the signature is the key
  tag: 'DashScope',
  summary: 'A result, by its signed URL',
  description: 'Query: `Expires`, `OSSAccessKeyId`, `Signature`, as the URL has them. No key is asked for.',
  isBytes: true,
  async handle({ services: { blobs, signer }, request, reply, signal }) {
    const path = (request.params as { '*': string })['*'] // the route's own wildcard
    const key = signer.checkUrl(path, request.query as Record<string, unknown>) // Fastify's parsed query string
    const found = await blobs.stat(key)
    if (found === undefined) throw new ApiError('not_found', 'The specified key does not exist.')
    const filename = key.split('/').at(-1) ?? ''
    const mediaType = MEDIA_TYPES.find(([end]) => filename.endsWith(end))?.[1] ?? 'application/octet-stream'
    const read = (range: { start: number; end: number }) => blobs.read(key, { ...range, signal })
    return sendBytes({ ...found, filename, mediaType, read }, { request, reply })
  },
}

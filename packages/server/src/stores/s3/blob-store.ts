import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { ApiError } from '@quiver/protocol'
import { type BlobStore, checkBlobKey } from '../../files/blob-store.js'
import { measure } from '../../files/measure.js'

export interface S3Settings {
  bucket: string
  /** Of a service other than AWS; keys are then in the path, not in the host name. */
  endpoint?: string | undefined
  region: string
  /** Without it, the SDK looks into the environment, profiles and instance metadata. */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined
  /** For how long a connection may be silent; what was asked is then asked again. */
  silenceMs: number
}

/** Parts of an upload: 10,000 are allowed, so a blob may have 80 GB. Two are in memory at a time. */
const PART_BYTES = 8 * 1024 * 1024
const PARTS_AT_A_TIME = 2
const CONNECT_MS = 10_000
/** How often in a row an answer may break off before its first byte. Answers that do not come at all the SDK asks for again. */
const MAX_EMPTY_ANSWERS = 3

/**
 * A bucket as blob store: any service that speaks S3. Visible whole or not at all, because an upload in parts shows
 * nothing until it is completed, and a small one is a single request.
 *
 * An answer that breaks off, or whose reader is so slow that the service hangs up, is asked for again from where it ended.
 */
export function createS3BlobStore(settings: S3Settings): BlobStore & { close(): void } {
  const { bucket: Bucket, endpoint, region, credentials, silenceMs } = settings
  const client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(credentials !== undefined && { credentials }),
    // Services other than AWS do not all know the newer checksums; Content-MD5 or TLS guard the way there.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Without these a service that accepts a connection and says nothing would be waited for without end.
    requestHandler: { connectionTimeout: Math.min(CONNECT_MS, silenceMs), socketTimeout: silenceMs },
  })

  /** @returns `undefined` where the blob has no bytes from `start` on. */
  async function open(
    key: string,
    { start, end, tag, signal }: { start: number; end: number; tag: string | undefined; signal: AbortSignal },
  ) {
    const last = end === Number.POSITIVE_INFINITY ? '' : end - 1
    const Range = start === 0 && last === '' ? undefined : `bytes=${start}-${last}`
    // What is read on after a break must be the same blob.
    const wanted = { Bucket, Key: key, Range, IfMatch: tag }
    try {
      return await client.send(new GetObjectCommand(wanted), { abortSignal: signal })
    } catch (error) {
      if (isStatus(error, 416)) return undefined
      if (isStatus(error, 404)) throw new ApiError('not_found', 'Not found! The bytes of this file are gone.')
      signal.throwIfAborted()
      throw error
    }
  }

  return {
    async write(key, source, limits) {
      const measured = measure(source, limits)
      const upload = new Upload({
        client,
        params: { Bucket, Key: checkBlobKey(key), Body: Readable.from(measured.bytes, { objectMode: false }) },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_A_TIME,
      })
      const abort = () => void upload.abort()
      limits.signal.addEventListener('abort', abort, { once: true })
      try {
        await upload.done()
        return measured.receipt()
      } catch (error) {
        limits.signal.throwIfAborted()
        throw error
      } finally {
        limits.signal.removeEventListener('abort', abort)
      }
    },

    async *read(key, { start = 0, end = Number.POSITIVE_INFINITY, signal }) {
      checkBlobKey(key)
      let tag: string | undefined
      for (let at = start, empty = 0; at < end; ) {
        const from = at
        const answer = await open(key, { start: from, end, tag, signal })
        if (answer === undefined) return
        tag ??= answer.ETag
        let broken: unknown
        try {
          // In Node.js the SDK's body is one.
          for await (const chunk of answer.Body as Readable) {
            at += chunk.length
            yield chunk
          }
          // A service that does not say how much there is ends its answer where the blob does.
          if (at - from === (answer.ContentLength ?? at - from)) return
          broken = new Error(`S3 sent ${at - from} of ${answer.ContentLength} bytes`)
        } catch (error) {
          signal.throwIfAborted()
          broken = error
        }
        empty = at > from ? 0 : empty + 1
        if (empty >= MAX_EMPTY_ANSWERS) throw broken
      }
    },

    async stat(key) {
      try {
        const { ContentLength: bytes = 0 } = await client.send(
          new HeadObjectCommand({ Bucket, Key: checkBlobKey(key) }),
        )
        return { bytes }
      } catch (error) {
        if (isStatus(error, 404)) return undefined
        throw error
      }
    },

    async delete(key) {
      await client.send(new DeleteObjectCommand({ Bucket, Key: checkBlobKey(key) }))
    },

    async *list(prefix) {
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix: prefix })) {
        for (const { Key } of Contents) if (Key !== undefined) yield Key
      }
    },

    async sweepUnfinished(before) {
      let removed = 0
      let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {}
      for (;;) {
        const page = await client.send(new ListMultipartUploadsCommand({ Bucket, ...marker }))
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if (Initiated === undefined || Initiated >= before) continue
          await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
          removed++
        }
        if (page.IsTruncated !== true) return removed
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
      }
    },

    close: () => client.destroy(),
  }
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status
}

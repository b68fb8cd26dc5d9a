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
}

/** Parts of an upload: 10,000 are allowed, so a blob may have 80 GB. Two are in memory at a time. */
const PART_BYTES = 8 * 1024 * 1024
const PARTS_AT_A_TIME = 2

/**
 * A bucket as blob store: any service that speaks S3. Visible whole or not at all, because an upload in parts shows
 * nothing until it is completed, and a small one is a single request.
 */
export function createS3BlobStore(settings: S3Settings): BlobStore & { close(): void } {
  const { bucket: Bucket, endpoint, region, credentials } = settings
  const client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(credentials !== undefined && { credentials }),
    // Services other than AWS do not all know the newer checksums; Content-MD5 or TLS guard the way there.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })

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
      if (end <= start) return
      const last = end === Number.POSITIVE_INFINITY ? '' : end - 1
      const Range = start === 0 && last === '' ? undefined : `bytes=${start}-${last}`
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: key, Range }), { abortSignal: signal })
        yield* Body as Readable // in Node.js the SDK's body is one
      } catch (error) {
        if (isStatus(error, 416)) return
        if (isStatus(error, 404)) throw new ApiError('not_found', 'Not found! The bytes of this file are gone.')
        signal.throwIfAborted()
        throw error
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

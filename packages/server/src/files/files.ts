import { randomUUID } from 'node:crypto'
import { ApiError, openai } from '@quiver/protocol'
import type { BlobStore } from './blob-store.js'
import type { FileIndex, FileQuery, FileQuota, StoredFile } from './file-index.js'

export interface FilesOptions {
  blobs: BlobStore
  index: FileIndex
  limits: FileLimits
  now?: () => Date
}

export interface FileLimits extends FileQuota {
  /** Largest file. */
  maxFileBytes: number
}

/** Bytes that have arrived and belong to nobody yet: `keep` or `discard` them. */
export interface Arrival {
  blobKey: string
  bytes: number
  sha256: string
}

/** What makes an arrival a file. */
export interface NewFile {
  project: string
  purpose: string
  filename: string
  /** Life in seconds; for ever without it. */
  lifeSeconds?: number | undefined
  /** Makes it an upload for one model, with this id. */
  upload?: { id: string; model: string }
}

export type Files = ReturnType<typeof createFiles>

/** Files that arrive at a time. What they take of the disk is in no quota until they are whole. */
const MAX_ARRIVING = 64

/** Every blob of this room begins with it; jobs keep theirs elsewhere. */
export const FILES_PREFIX = 'files/'

/** Beginnings of ids, by purpose; what has none of its own begins with `file-`. */
const ID_PREFIX: Readonly<Record<string, string>> = {
  batch: 'file-batch-',
  batch_output: 'file-batch_output-',
  batch_error: 'file-batch_error-',
  'file-extract': 'file-fe-',
}

/**
 * The files that callers see.
 *
 * Bytes come first and the row after them; a row goes first and the bytes after it. So a crash between the two leaves at
 * most bytes without a row, which nobody sees and the sweep removes.
 */
export function createFiles({ blobs, index, limits, now = () => new Date() }: FilesOptions) {
  let arriving = 0
  return {
    limits,

    /**
     * Take in bytes.
     *
     * @throws {ApiError} `body_too_large`; `file_quota_exceeded` at once where the project is full already; `overloaded` while
     *   64 others are arriving.
     */
    async receive(
      source: AsyncIterable<Uint8Array>,
      { project, maxBytes = limits.maxFileBytes, signal }: { project: string; maxBytes?: number; signal: AbortSignal },
    ): Promise<Arrival> {
      const kept = await index.usage(project, now())
      if (kept.files >= limits.maxFiles) {
        throw new ApiError('file_quota_exceeded', `Upload file number exceed limit. ${limits.maxFiles} may be kept.`)
      }
      if (kept.bytes >= limits.maxBytes) {
        throw new ApiError(
          'file_quota_exceeded',
          `Upload file capacity exceed limit. ${limits.maxBytes} bytes may be kept.`,
        )
      }
      if (arriving >= MAX_ARRIVING) {
        throw new ApiError('overloaded', 'Too many files are arriving, please try again later.', {
          retryAfterSeconds: 5,
        })
      }
      arriving++
      try {
        const blobKey = newBlobKey(now())
        return { blobKey, ...(await blobs.write(blobKey, source, { maxBytes, signal })) }
      } finally {
        arriving--
      }
    },

    /** Make an arrival a file; when that fails, its bytes are gone. @throws {ApiError} `file_quota_exceeded` */
    async keep(arrival: Arrival, { project, purpose, filename, lifeSeconds, upload }: NewFile): Promise<StoredFile> {
      const createdAt = now()
      try {
        const file: StoredFile = {
          ...arrival,
          id: upload?.id ?? newFileId(purpose),
          project,
          kind: upload === undefined ? 'file' : 'upload',
          purpose,
          filename,
          model: upload?.model,
          createdAt,
          expiresAt: expiryOf(createdAt, lifeSeconds),
        }
        return await index.add(file, limits, createdAt)
      } catch (error) {
        await this.discard(arrival)
        throw error
      }
    },

    discard: ({ blobKey }: Arrival) => blobs.delete(blobKey),

    /**
     * Make a file of a blob that a job has written. Doing it again with the same id changes nothing, so it may be repeated
     * after a crash. Results that were paid for are not refused for want of room: they only count.
     */
    adopt(
      blob: Arrival,
      { id, project, purpose, filename, lifeSeconds }: NewFile & { id: string },
    ): Promise<StoredFile> {
      const createdAt = now()
      const file = { ...blob, id, project, kind: 'file' as const, purpose, filename, model: undefined }
      const boundless = { maxFiles: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER }
      return index.add({ ...file, createdAt, expiresAt: expiryOf(createdAt, lifeSeconds) }, boundless, createdAt)
    },

    /** @throws {ApiError} `not_found`, for a foreign file too. */
    async get(project: string, id: string): Promise<StoredFile> {
      const file = await index.find(project, 'file', id, now())
      if (file === undefined) throw openai.noSuchFile(id)
      return file
    },

    /** `undefined` for a foreign upload too. */
    findUpload: (project: string, id: string): Promise<StoredFile | undefined> =>
      index.find(project, 'upload', id, now()),

    /** One page, and whether there is another. @throws {ApiError} `not_found` when `afterId` is no file. */
    async list({ afterId, ...query }: Omit<FileQuery, 'after'> & { afterId?: string | undefined }) {
      const after = afterId === undefined ? undefined : await this.get(query.project, afterId)
      const files = await index.list({ ...query, after, limit: query.limit + 1 }, now())
      return { files: files.slice(0, query.limit), hasMore: files.length > query.limit }
    },

    read: (file: StoredFile, options: { start?: number; end?: number; signal: AbortSignal }) =>
      blobs.read(file.blobKey, options),

    /** @throws {ApiError} `not_found` */
    async remove(project: string, id: string): Promise<void> {
      await this.get(project, id)
      const removed = await index.remove(project, id)
      if (removed !== undefined) await blobs.delete(removed.blobKey)
    },
  }
}

function expiryOf(createdAt: Date, lifeSeconds: number | undefined): Date | undefined {
  return lifeSeconds === undefined ? undefined : new Date(createdAt.getTime() + lifeSeconds * 1000)
}

/** The day is in the key, so that the sweep knows how old a blob without a row is. */
export function newBlobKey(now: Date): string {
  return `${FILES_PREFIX}${now.toISOString().slice(0, 10)}/${randomUUID()}`
}

export function newFileId(purpose: string, uuid: string = randomUUID()): string {
  const prefix = Object.hasOwn(ID_PREFIX, purpose) ? ID_PREFIX[purpose] : 'file-'
  return `${prefix}${uuid.replaceAll('-', '')}`
}

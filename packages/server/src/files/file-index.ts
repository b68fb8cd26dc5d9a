/**
 * What is known of a stored file. Its bytes are the blob `blobKey`.
 *
 * `file`: of the Files API, id `file-…`. `upload`: temporary, for requests of one model, id `oss://…`.
 */
export interface StoredFile {
  id: string
  project: string
  kind: 'file' | 'upload'
  /** A word of the wire: `batch`, `batch_output`; an upload's is `upload`. */
  purpose: string
  filename: string
  bytes: number
  sha256: string
  blobKey: string
  /** The model that an upload is bound to. */
  model: string | undefined
  createdAt: Date
  /** From then on it is as if it did not exist; `undefined`: kept until it is deleted. */
  expiresAt: Date | undefined
}

/** What one project may keep. */
export interface FileQuota {
  maxFiles: number
  maxBytes: number
}

export interface FileQuery {
  project: string
  purpose?: string | undefined
  createdAfter?: Date | undefined
  createdBefore?: Date | undefined
  order: 'asc' | 'desc'
  /** Only what comes after this file in the order asked for. */
  after?: StoredFile | undefined
  limit: number
}

/** Which files there are and whose. Every question names the project: a foreign file does not exist. */
export interface FileIndex {
  /**
   * Add a file; one that is there already, by id and project, stays as it is and is returned.
   *
   * @throws {ApiError} `file_quota_exceeded`, decided in the same transaction.
   */
  add(file: StoredFile, quota: FileQuota, now: Date): Promise<StoredFile>
  find(project: string, kind: StoredFile['kind'], id: string, now: Date): Promise<StoredFile | undefined>
  /** Files of kind `file`, by time of creation, then id. */
  list(query: FileQuery, now: Date): Promise<StoredFile[]>
  /** @returns what was removed; its blob is still there. */
  remove(project: string, id: string): Promise<StoredFile | undefined>
  /** What a project keeps, both kinds; what has expired does not count. */
  usage(project: string, now: Date): Promise<{ files: number; bytes: number }>
  /** Files of any project that have expired, the oldest first. */
  expired(now: Date, limit: number): Promise<StoredFile[]>
  /** Those of the keys that are the blob of a file. */
  referenced(blobKeys: readonly string[]): Promise<ReadonlySet<string>>
}

/** One row for each file that callers see, or temporary upload; its bytes are a blob. */
export interface FilesTable {
  id: string
  project: string
  /** `file` for those of the Files API, `upload` for temporary ones of one model. */
  kind: string
  purpose: string
  filename: string
  bytes: number
  /** Hex digits. */
  sha256: string
  blob_key: string
  /** The model that an upload is bound to. */
  model: string | null
  created_at: number
  /** Null: kept until it is deleted. */
  expires_at: number | null
}

export interface FileTables {
  files: FilesTable
}

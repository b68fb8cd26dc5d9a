import type { Call, CallOptions } from './call.js'
import { openScope } from './call-scope.js'
import type { Transport } from './transport.js'

/** A file of the caller. */
export interface StoredFile {
  id: string
  bytes: number
  filename: string
  purpose: string
  createdAt: Date
}

/** docs/api/files.md */
interface FileObject {
  id: string
  bytes: number
  filename: string
  purpose: string
  created_at: number
}

const PATH = '/v1/files'

export class Files {
  readonly #transport: Transport
  readonly #call: Call

  constructor(transport: Transport, call: Call) {
    this.#transport = transport
    this.#call = call
  }

  /** @param content of Node.js: `await openAsBlob(path)` of `node:fs`, which is read while it is sent. @throws {QuiverError} */
  async upload(
    content: Blob,
    { filename, purpose, ...options }: CallOptions & { filename: string; purpose: 'batch' | 'user_data' },
  ): Promise<StoredFile> {
    const form = new FormData()
    form.set('purpose', purpose)
    form.set('file', content, filename)
    return toFile((await this.#call({ path: PATH, form }, options)).json)
  }

  /** The bytes of a file, as they come. @throws {QuiverError} */
  async read(id: string, options: { signal?: AbortSignal } = {}): Promise<ReadableStream<Uint8Array>> {
    return this.#transport.open(`${PATH}/${encodeURIComponent(id)}/content`, openScope(options).signal)
  }

  /** @throws {QuiverError} */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#call({ path: `${PATH}/${encodeURIComponent(id)}`, method: 'DELETE' }, options)
  }
}

function toFile(json: unknown): StoredFile {
  const { id, bytes, filename, purpose, created_at } = json as FileObject // docs/api/files.md
  return { id, bytes, filename, purpose, createdAt: new Date(created_at * 1000) }
}

import { ApiError } from '@quiver/protocol'
import type { SafeFetch } from '../egress/safe-fetch.js'
import type { StoredFile } from './file-index.js'
import type { Files } from './files.js'

/** Bytes that a caller named in a request. */
export interface UserFile {
  body: AsyncIterable<Uint8Array>
  /** Last part of its path, or the name it was uploaded under; may be empty. */
  name: string
  /** As its server says; `undefined` for files of our own. */
  mediaType: string | undefined
}

/** Who asks for it, and what for. */
export interface UserUrlOwner {
  /** Whose request it is; foreign files do not exist. */
  project: string
  /** The model of the request: an upload is for one model only. */
  model: string
  /** Whether the request asked for `oss://` to be resolved (`X-DashScope-OssResourceResolve: enable`). */
  isOssAllowed: boolean
  /** Field that held the URL; errors name it. */
  param: string
}

export interface UserUrlOptions extends UserUrlOwner {
  maxBytes: number
  /** For what comes over the network. */
  deadlineMs: number
  signal: AbortSignal
}

/**
 * What a caller named → its bytes: `oss://…` of an upload, `file-…` of the Files API, or any `http(s)://`.
 *
 * @throws {ApiError} `invalid_url`, `download_failed`, `not_found` for a file that is not the caller's.
 */
export type ResolveUserUrl = (url: string, options: UserUrlOptions) => Promise<UserFile>

export function createResolveUserUrl(files: Files, safeFetch: SafeFetch): ResolveUserUrl {
  const open = (file: Parameters<Files['read']>[0], { maxBytes, signal, param }: UserUrlOptions): UserFile => {
    if (file.bytes > maxBytes) {
      throw new ApiError(
        'download_failed',
        `Failed to download the input file: it has ${file.bytes} bytes, ${maxBytes} are allowed.`,
        { param },
      )
    }
    return { body: files.read(file, { signal }), name: file.filename, mediaType: undefined }
  }
  return async (url, options) => {
    const file = await findUserFile(files, url, options)
    if (file !== undefined) return open(file, options)
    const { body, headers, finalUrl } = await safeFetch(url, options)
    return { body, name: nameOf(finalUrl), mediaType: headers['content-type'] }
  }
}

/**
 * The file of ours that a URL means: an upload, or one of the Files API.
 *
 * @returns `undefined` for a URL of the network.
 * @throws {ApiError} `invalid_url`, `not_found`, as {@link ResolveUserUrl} does.
 */
export async function findUserFile(
  files: Pick<Files, 'get' | 'findUpload'>,
  url: string,
  { project, model, isOssAllowed, param }: UserUrlOwner,
): Promise<StoredFile | undefined> {
  if (url.startsWith('file-')) return files.get(project, url)
  if (!url.startsWith('oss://')) return undefined
  const file = isOssAllowed ? await files.findUpload(project, url) : undefined
  if (file === undefined || file.model !== model) throw badUpload(param)
  return file
}

/** The same words whatever is wrong with it: its header, its model, its owner, its age. */
function badUpload(param: string): ApiError {
  return new ApiError(
    'invalid_url',
    'The provided URL does not appear to be valid. Ensure it is correctly formatted. An oss:// URL lives 48 hours, works for ' +
      'the key and the model it was uploaded for, and needs the header X-DashScope-OssResourceResolve: enable.',
    { param },
  )
}

function nameOf(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { UserError } from './exit.js'

/** A picture in a folder, as it was when it was looked for. */
export interface ImageFile {
  path: string
  bytes: number
  modifiedMs: number
}

const EXTENSIONS: ReadonlySet<string> = new Set(
  'jpg jpeg png webp bmp gif tif tiff avif ico icns dib sgi'.split(' ').map((name) => `.${name}`),
)
/** More than this is no folder to search like this, but a home folder by mistake. */
const MAX_FILES = 200_000

/**
 * Pictures of a folder and the folders in it, by their names' endings, in the order of their paths. Hidden ones and links
 * are passed over.
 *
 * @throws {UserError} when it is no folder, or has too many.
 */
export async function findImages(folder: string, signal: AbortSignal): Promise<ImageFile[]> {
  const found = await stat(folder).catch(() => undefined)
  if (found?.isDirectory() !== true) throw new UserError(`${folder} is no folder.`)
  const files: ImageFile[] = []
  for await (const path of walk(folder)) {
    signal.throwIfAborted()
    if (!EXTENSIONS.has(extname(path).toLowerCase())) continue
    const { size, mtimeMs } = await stat(path)
    files.push({ path, bytes: size, modifiedMs: mtimeMs })
    if (files.length > MAX_FILES) throw new UserError(`${folder} has more than ${MAX_FILES} pictures.`)
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const entry of await opendir(folder)) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (entry.isFile()) yield path
  }
}

/** SHA-256 of a file's bytes, 64 hex digits. */
export async function hashOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk)
  return hash.digest('hex')
}

import { randomUUID } from 'node:crypto'
import * as nodeFs from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { ApiError } from '@quiver/protocol'
import { type BlobReceipt, type BlobStore, checkBlobKey } from '../../files/blob-store.js'
import { measure } from '../../files/measure.js'
import { deleteHeld, deleteLater, holdDeletions, isHeld } from './hold.js'

/** What this store asks of the file system; tests put one in its place that fails at the k-th call. */
export type BlobFs = Pick<typeof nodeFs, 'open' | 'mkdir' | 'rename' | 'rm' | 'stat' | 'readdir' | 'opendir'>

/** A folder can also hold back deletions, for every process that uses it, while a backup copies it. */
export interface DiskBlobStore extends BlobStore {
  /** @throws {BackupError} when another process holds already. */
  holdDeletions(): Promise<{ release(): Promise<void> }>
}

/** Files on their way in; no key begins with a dot, so nothing else can be there. */
const TEMPORARY = '.unfinished'
const READ_BYTES = 64 * 1024

/**
 * A folder as blob store: the blob `a/b` is the file `a/b`.
 *
 * A write goes to a temporary file, which is flushed to the disk, renamed, and the rename flushed too; so a key shows
 * all of a blob or nothing, also after a loss of power. The folder is made with the first write.
 */
export function createDiskBlobStore(root: string, fs: BlobFs = nodeFs): DiskBlobStore {
  const pathOf = (key: string) => join(root, checkBlobKey(key))

  async function remove(key: string): Promise<void> {
    const path = pathOf(key)
    await fs.rm(path, { force: true })
    await flushFolder(dirname(path), fs).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }

  async function write(
    key: string,
    source: AsyncIterable<Uint8Array>,
    options: { maxBytes: number; signal: AbortSignal },
  ): Promise<BlobReceipt> {
    const path = pathOf(key)
    const temporary = join(root, TEMPORARY, randomUUID())
    await makeFolder(dirname(temporary), fs)
    try {
      const receipt = await writeFlushed(temporary, source, { ...options, fs })
      await makeFolder(dirname(path), fs)
      await fs.rename(temporary, path)
      await flushFolder(dirname(path), fs)
      return receipt
    } catch (error) {
      await fs.rm(temporary, { force: true }).catch(() => {}) // the sweep removes what could not be removed now
      throw error
    }
  }

  return {
    write,
    async *read(key, { start = 0, end = Number.POSITIVE_INFINITY, signal }) {
      const file = await fs.open(pathOf(key), 'r').catch((error: unknown) => {
        throw isMissing(error) ? new ApiError('not_found', 'Not found! The bytes of this file are gone.') : error
      })
      try {
        for (let at = start; at < end; ) {
          signal.throwIfAborted()
          // A new buffer each time: the consumer may keep the last one while the next is read.
          const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - at))
          const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
          if (bytesRead === 0) return
          at += bytesRead
          yield buffer.subarray(0, bytesRead)
        }
      } finally {
        await file.close()
      }
    },
    async stat(key) {
      try {
        return { bytes: (await fs.stat(pathOf(key))).size }
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async delete(key) {
      checkBlobKey(key)
      if (await isHeld(root)) return deleteLater(root, key)
      return remove(key)
    },
    holdDeletions: () => makeFolder(root, fs).then(() => holdDeletions(root, remove)),
    list: (prefix) => keysUnder(root, prefix, fs),
    async sweepUnfinished(before) {
      const folder = join(root, TEMPORARY)
      let removed = 0
      for (const name of await namesIn(folder, fs)) {
        const path = join(folder, name)
        if ((await fs.stat(path)).mtime >= before) continue
        await fs.rm(path, { force: true })
        removed++
      }
      if (!(await isHeld(root))) await deleteHeld(root, remove)
      return removed
    },
  }
}

/** Write a new file and wait until the disk has it. */
async function writeFlushed(
  path: string,
  source: AsyncIterable<Uint8Array>,
  { fs, ...limits }: { fs: BlobFs; maxBytes: number; signal: AbortSignal },
): Promise<BlobReceipt> {
  const file = await fs.open(path, 'wx', 0o600)
  try {
    const measured = measure(source, limits)
    for await (const chunk of measured.bytes) await writeAll(file, chunk)
    await file.sync()
    return measured.receipt()
  } finally {
    await file.close()
  }
}

/** A write may take fewer bytes than it was given: a signal came, or the disk is about to be full. */
async function writeAll(file: Pick<nodeFs.FileHandle, 'write'>, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, at, chunk.length - at)
    if (bytesWritten === 0) throw new Error('the disk took none of the bytes')
    at += bytesWritten
  }
}

/** Make a folder with its parents, and wait until the disk has every new name. */
async function makeFolder(path: string, fs: BlobFs): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await flushFolder(dirname(made), fs)
}

/** A rename survives a loss of power only when the folder that holds the name was flushed. */
async function flushFolder(path: string, fs: BlobFs): Promise<void> {
  const folder = await fs.open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Walk only the folders that can hold keys of the prefix. */
async function* keysUnder(root: string, prefix: string, fs: BlobFs): AsyncGenerator<string> {
  const from = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  const folders = [join(root, from)]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of entriesIn(folder, fs)) {
      const path = join(folder, entry.name)
      const key = relative(root, path).replaceAll(sep, '/')
      if (entry.name.startsWith('.')) continue
      if (entry.isDirectory() && (key.startsWith(prefix) || prefix.startsWith(`${key}/`))) folders.push(path)
      if (entry.isFile() && key.startsWith(prefix)) yield key
    }
  }
}

async function* entriesIn(folder: string, fs: BlobFs) {
  try {
    yield* await fs.opendir(folder)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

async function namesIn(folder: string, fs: BlobFs): Promise<string[]> {
  try {
    return await fs.readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

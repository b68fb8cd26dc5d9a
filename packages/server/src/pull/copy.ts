import { constants } from 'node:fs'
import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncToDisk } from './durable.js'
import { hashFile } from './hash.js'
import { PullError } from './pull-error.js'
import type { OfferedFile } from './repository.js'

/** A file that lies on this machine. */
export type LocalFile = OfferedFile & { from: { path: string } }

/**
 * Copy one file into the folder, checked where its source promises a hash; shares its blocks where the file system can.
 *
 * @returns its SHA-256.
 * @throws {PullError} when it is not what was promised.
 */
export async function copy(
  file: LocalFile,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<string> {
  const target = join(folder, file.path)
  const part = `${target}.part`
  await mkdir(dirname(target), { recursive: true })
  await copyFile(file.from.path, part, constants.COPYFILE_FICLONE)
  const { bytes, hash } = file
  const { sha256, isAsPromised } = await hashFile(part, { bytes, ...(hash && { promised: hash }), signal })
  if (!isAsPromised) {
    await rm(part)
    throw new PullError(`${file.from.path}: has SHA-256 ${sha256}, quiver-model.json says ${hash?.hex ?? 'otherwise'}.`)
  }
  await syncToDisk(part)
  await rename(part, target)
  await syncToDisk(dirname(target))
  return sha256
}

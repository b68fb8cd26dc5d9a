import { statfs } from 'node:fs/promises'
import { formatBytes } from './format-bytes.js'
import { PullError } from './pull-error.js'

/** Room to leave for everything else on the disk. */
const MARGIN_BYTES = 64 * 1024 * 1024

/** @throws {PullError} when so many more bytes do not fit into this folder, with what is missing. */
export async function checkDiskSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (bytes === 0 || free >= bytes + MARGIN_BYTES) return
  throw new PullError(
    `${formatBytes(bytes)} more are needed in ${folder} (and ${formatBytes(MARGIN_BYTES)} to spare), ${formatBytes(free)} are free.`,
  )
}

import { appendFile, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupError } from '../../backup.js'

/** While it is there and fresh, blobs are not deleted: a backup copies them. */
const HOLD = '.hold'
/** Blobs that would have been deleted meanwhile: `{key, at}` a line. */
const DELETED = '.deleted'
/** A process that holds touches the file this often; one that died holds a little longer than that. */
const TOUCH_MS = 5_000
const STALE_MS = 60_000

/**
 * Keep what is deleted from now on, for every process that uses the folder.
 *
 * @throws {BackupError} when another process holds already.
 */
export async function holdDeletions(
  root: string,
  remove: (key: string) => Promise<void>,
): Promise<{ release(): Promise<void> }> {
  const path = join(root, HOLD)
  if (await isHeld(root)) {
    throw new BackupError(`another backup of ${root} is running; wait for it, or a minute if it was killed.`)
  }
  await writeFile(path, '', { mode: 0o600 })
  const touch = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {}) // the next one may succeed; a hold that ends early is noticed by nobody's loss
  }, TOUCH_MS)
  touch.unref()
  return {
    async release() {
      clearInterval(touch)
      await rm(path, { force: true })
      await deleteHeld(root, remove)
    },
  }
}

export async function isHeld(root: string): Promise<boolean> {
  const found = await stat(join(root, HOLD)).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs < STALE_MS
}

/** Remember that a blob is to go when nobody holds any more. */
export function deleteLater(root: string, key: string): Promise<void> {
  return appendFile(join(root, DELETED), `${JSON.stringify({ key, at: Date.now() })}\n`, { mode: 0o600 })
}

/** Delete what was held; a blob that was written anew since then stays. */
export async function deleteHeld(root: string, remove: (key: string) => Promise<void>): Promise<void> {
  const mine = join(root, `${DELETED}-${process.pid}`)
  // Renamed first: what is appended meanwhile goes to a new file.
  await rename(join(root, DELETED), mine).catch(() => {})
  const text = await readFile(mine, 'utf8').catch(() => '')
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const { key, at } = JSON.parse(line) as { key: string; at: number } // written by deleteLater
    const blob = await stat(join(root, key)).catch(() => undefined)
    if (blob !== undefined && blob.mtimeMs <= at) await remove(key)
  }
  await rm(mine, { force: true })
}

import { open, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Make what was written survive a power cut: a file's content, or a folder's list of names. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Windows and some network file systems refuse to sync a folder; the names are then as durable as they get.
    if (!(error instanceof Error && 'code' in error && ['EPERM', 'EINVAL', 'EISDIR'].includes(String(error.code))))
      throw error
  } finally {
    await handle.close()
  }
}

/** Replace a file in one step: readers see the old content or the new, and a crash leaves one of the two. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const temporary = `${path}.part`
  await writeFile(temporary, content)
  await syncToDisk(temporary)
  await rename(temporary, path)
  await syncToDisk(dirname(path))
}

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { PromisedHash } from './repository.js'

/**
 * SHA-256 of a file, and whether it is what was promised. One pass over the file, whichever hash the promise is of.
 *
 * @param bytes its length, which git's hash covers too: SHA-1 over `blob <length>\0` and the content.
 */
export async function hashFile(
  path: string,
  { bytes, promised, signal }: { bytes: number; promised?: PromisedHash; signal: AbortSignal },
): Promise<{ sha256: string; isAsPromised: boolean }> {
  const sha256 = createHash('sha256')
  const git = promised?.algorithm === 'git' ? createHash('sha1').update(`blob ${bytes}\0`) : undefined
  let length = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    sha256.update(chunk)
    git?.update(chunk)
    length += (chunk as Buffer).length // a stream without encoding gives buffers
  }
  const hex = sha256.digest('hex')
  const isSame = promised === undefined || (git?.digest('hex') ?? hex) === promised.hex
  return { sha256: hex, isAsPromised: length === bytes && isSame }
}

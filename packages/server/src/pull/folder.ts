import { readdir, readFile, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { PullError, reasonOf } from './pull-error.js'
import { MANIFEST, type PulledModel, parseManifest } from './pulled-model.js'
import type { OfferedFile, Repository } from './repository.js'
import { isSafePath } from './safe-path.js'

/** A folder of this depth is no model's; also the end of links that lead round in circles. */
const MAX_DEPTH = 4
const MAX_FILES = 10_000

/**
 * List a folder of this machine: a clone, a snapshot of Hugging Face's cache (whose links are followed), or what another
 * Quiver pulled, whose `quiver-model.json` then gives the hashes.
 *
 * @throws {PullError} when it cannot be read.
 */
export async function listFolder(path: string): Promise<Repository> {
  const files: OfferedFile[] = []
  const manifest = await readManifest(path)
  try {
    for await (const [relative, absolute, bytes] of walk(path, '')) {
      if (!isSafePath(relative)) continue
      const hex = manifest?.files[relative]?.sha256
      files.push({
        path: relative,
        bytes,
        from: { path: absolute },
        ...(hex && { hash: { algorithm: 'sha256', hex } }),
      })
      if (files.length > MAX_FILES) throw new PullError(`${path}: has more than ${MAX_FILES} files.`)
    }
  } catch (error) {
    throw error instanceof PullError ? error : new PullError(`${path} cannot be read (${reasonOf(error)}).`)
  }
  return { source: `file:${path}`, ...(manifest && { manifest }), files }
}

async function* walk(root: string, below: string): AsyncGenerator<[relative: string, absolute: string, bytes: number]> {
  const depth = below === '' ? 0 : below.split('/').length
  for (const name of (await readdir(join(root, below))).sort()) {
    if (name.startsWith('.') || name.includes(sep)) continue
    const relative = below === '' ? name : `${below}/${name}`
    const absolute = join(root, relative)
    const found = await stat(absolute)
    if (found.isDirectory() && depth + 1 < MAX_DEPTH) yield* walk(root, relative)
    else if (found.isFile()) yield [relative, absolute, found.size]
  }
}

async function readManifest(path: string): Promise<PulledModel | undefined> {
  const text = await readFile(join(path, MANIFEST), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : parseManifest(text)
}

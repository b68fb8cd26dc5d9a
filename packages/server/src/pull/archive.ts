import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { checkDiskSpace } from './disk-space.js'
import { syncToDisk } from './durable.js'
import { addModel, findDamage, type StoredModel } from './model-store.js'
import { diskError, PullError, reasonOf } from './pull-error.js'
import { MANIFEST, type PulledModel, parseManifest } from './pulled-model.js'
import { isSafePath } from './safe-path.js'
import { readTar, type TarEntry, TarError, tarEnd, tarHeader, tarPadding } from './tar.js'

/** Longest manifest that an archive may begin with. */
const MAX_MANIFEST_BYTES = 1024 * 1024

/**
 * Write a model into one tar file, its manifest first, for machines without a network. What is damaged is not exported.
 *
 * @throws {PullError} when a file of the model is not what it was, or the archive exists or can't be written.
 */
export async function exportModel(stored: StoredModel, target: string, signal: AbortSignal): Promise<void> {
  const damaged = await findDamage(stored, signal)
  if (damaged.length > 0) throw new PullError(`${stored.model.name} is damaged: ${damaged.join(', ')}. Pull it again.`)
  const part = `${target}.part`
  try {
    await pipeline(entriesOf(stored), createWriteStream(part), { signal })
    await syncToDisk(part)
    await rename(part, target)
  } catch (error) {
    await rm(part, { force: true })
    signal.throwIfAborted()
    throw error instanceof PullError ? error : new PullError(`${target} cannot be written (${reasonOf(error)}).`)
  }
}

async function* entriesOf({ model, folder }: StoredModel): AsyncGenerator<Buffer> {
  const at = new Date(model.pulledAt)
  const manifest = Buffer.from(`${JSON.stringify(model, null, 2)}\n`)
  yield tarHeader(`${model.name}/${MANIFEST}`, manifest.length, at)
  yield manifest
  yield tarPadding(manifest.length)
  for (const [path, { bytes }] of Object.entries(model.files)) {
    yield tarHeader(`${model.name}/${path}`, bytes, at)
    for await (const chunk of createReadStream(join(folder, path), { highWaterMark: 1 << 20 })) yield chunk as Buffer
    yield tarPadding(bytes)
  }
  yield tarEnd()
}

export interface ImportOptions {
  home: string
  /** Another name than the archive's own. */
  name?: string
  signal: AbortSignal
  onPlan: (model: PulledModel) => void
  onBytes: (path: string, count: number) => void
}

/**
 * Bring a model in from an archive that {@link exportModel} wrote. Nothing is written but the files that its manifest names,
 * each under a path inside the model's folder, with the length and the hash that the manifest says.
 *
 * @throws {PullError} for anything else in it: a path that leads out, a link, a file too many, a file missing or altered.
 */
export async function importModel(archive: string, options: ImportOptions): Promise<StoredModel> {
  const { signal } = options
  const handle = await open(archive).catch((error: unknown) => {
    throw new PullError(`${archive} cannot be read (${reasonOf(error)}).`)
  })
  try {
    const entries = readTar(handle, signal)
    const told = await readManifestEntry(entries, archive)
    const model = { ...told, name: options.name ?? told.name }
    options.onPlan(model)
    return await addModel(options.home, model.name, async (folder) => {
      await checkDiskSpace(folder, await bytesToCome(folder, model))
      await unpack(entries, { archive, model, folder, options })
      const damaged = await findDamage({ model, folder }, signal)
      if (damaged.length === 0) return model
      await Promise.all(damaged.map((path) => rm(join(folder, path), { force: true })))
      throw new PullError(`${archive}: ${damaged.join(', ')} is not what its ${MANIFEST} says; nothing was imported.`)
    })
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof TarError) throw new PullError(`${archive} ${error.message}`)
    throw diskError(error) ?? error
  } finally {
    await handle.close()
  }
}

async function readManifestEntry(entries: AsyncIterator<TarEntry>, archive: string): Promise<PulledModel> {
  const first = (await entries.next()).value as TarEntry | undefined // the iterator returns nothing at its end
  if (first === undefined || pathInside(first.path) !== MANIFEST || first.bytes > MAX_MANIFEST_BYTES) {
    throw new PullError(`${archive}: does not begin with a ${MANIFEST}; \`quiver export\` writes such archives.`)
  }
  const chunks: Buffer[] = []
  for await (const chunk of first.content) chunks.push(chunk)
  return parseManifest(Buffer.concat(chunks).toString('utf8'))
}

interface Unpacking {
  archive: string
  model: PulledModel
  folder: string
  options: ImportOptions
}

async function unpack(entries: AsyncIterable<TarEntry>, { archive, model, folder, options }: Unpacking): Promise<void> {
  const missing = new Set(Object.keys(model.files))
  for await (const { path: packed, bytes, content } of entries) {
    const path = pathInside(packed)
    if (path === undefined || !isSafePath(path)) {
      throw new PullError(`${archive}: has ${JSON.stringify(packed)}, which leads out of the model's folder. Refused.`)
    }
    if (!missing.delete(path) || model.files[path]?.bytes !== bytes) {
      throw new PullError(`${archive}: has ${path} with ${bytes} bytes, which its ${MANIFEST} does not name. Refused.`)
    }
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    await pipeline(
      counted(content, (count) => options.onBytes(path, count)),
      createWriteStream(target),
      {
        signal: options.signal,
      },
    )
    await syncToDisk(target)
    await syncToDisk(dirname(target))
  }
  if (missing.size > 0) throw new PullError(`${archive}: lacks ${[...missing].join(', ')}.`)
}

/** Without the first folder, which is the model's name and means nothing here. */
function pathInside(packed: string): string | undefined {
  return /^(?:\.\/)?[^/]+\/(.+)$/.exec(packed)?.[1]
}

async function* counted(content: AsyncIterable<Buffer>, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of content) {
    yield chunk
    count(chunk.length)
  }
}

async function bytesToCome(folder: string, { files }: PulledModel): Promise<number> {
  const sizes = await Promise.all(
    Object.entries(files).map(async ([path, { bytes }]) => {
      const there = await stat(join(folder, path)).catch(() => undefined)
      return Math.max(0, bytes - (there?.blocks ?? 0) * 512)
    }),
  )
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}

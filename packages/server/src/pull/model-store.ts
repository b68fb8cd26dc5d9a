import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withLock } from '../lock.js'
import { syncToDisk, writeDurably } from './durable.js'
import { hashFile } from './hash.js'
import { PullError, reasonOf } from './pull-error.js'
import { MANIFEST, MODEL_NAME, type PulledModel, parseManifest } from './pulled-model.js'

/** A model that is there, and where. */
export interface StoredModel {
  model: PulledModel
  folder: string
}

/** A folder that looks like a model's and is none. */
export interface BrokenModel {
  name: string
  reason: string
}

/** Where the models of a home are. Folders that begin with a dot are the store's own. */
export function modelsFolder(home: string): string {
  return join(home, 'models')
}

/** Every pulled model of a home, by name; and what cannot be read, so that it can be told. */
export function listModels(home: string): { models: StoredModel[]; broken: BrokenModel[] } {
  const root = modelsFolder(home)
  const models: StoredModel[] = []
  const broken: BrokenModel[] = []
  for (const name of existsSync(root) ? readdirSync(root).sort() : []) {
    const folder = join(root, name)
    if (!MODEL_NAME.test(name) || !existsSync(join(folder, MANIFEST))) continue
    try {
      const model = parseManifest(readFileSync(join(folder, MANIFEST), 'utf8'))
      if (model.name === name) models.push({ model, folder })
      else broken.push({ name, reason: `its ${MANIFEST} is that of ${model.name}; pull or import it again.` })
    } catch (error) {
      broken.push({ name, reason: reasonOf(error) })
    }
  }
  return { models, broken }
}

/** @throws {PullError} when there is no such model, with those that there are. */
export function getModel(home: string, name: string): StoredModel {
  const { models, broken } = listModels(home)
  const found = models.find(({ model }) => model.name === name)
  if (found !== undefined) return found
  const reason = broken.find((model) => model.name === name)?.reason
  if (reason !== undefined) throw new PullError(`${name}: ${reason}`)
  const there = models.map(({ model }) => model.name).join(', ')
  throw new PullError(
    `there is no pulled model ${name}; ${there === '' ? 'none was pulled yet' : `there are ${there}`}.`,
  )
}

/** @throws {PullError} for a name that no pulled model can have. */
export function checkName(name: string): string {
  if (MODEL_NAME.test(name)) return name
  throw new PullError(
    `${name}: a name has 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit; choose one with --as.`,
  )
}

/**
 * Fill a folder beside the models', then put it in its place in one step. Whatever stops it, `NAME` is there in full or not
 * at all; what was fetched waits in the folder for the next try.
 *
 * @param fill writes the files and says what they are.
 * @throws {PullError} when the name is taken, or another process is at work on it.
 */
export async function addModel(
  home: string,
  name: string,
  fill: (folder: string) => Promise<PulledModel>,
): Promise<StoredModel> {
  const root = modelsFolder(home)
  const busy = new PullError(`${name} is being pulled, imported or removed by another process.`)
  return withLock(await lockOf(home, name), { busy }, async () => {
    await sweep(root)
    const folder = join(root, name)
    if (existsSync(join(folder, MANIFEST)))
      throw new PullError(`${name} is there already; \`quiver rm ${name}\` removes it.`)
    const staging = join(root, '.pulling', name)
    await mkdir(staging, { recursive: true, mode: 0o700 })
    const model = await fill(staging)
    await removeOthers(staging, new Set(Object.keys(model.files)))
    await writeDurably(join(staging, MANIFEST), `${JSON.stringify(model, null, 2)}\n`)
    await rm(folder, { recursive: true, force: true }) // without a manifest it is no model
    await rename(staging, folder)
    await syncToDisk(root)
    return { model, folder }
  })
}

/** Remove a model, or what an unfinished pull of it left. @returns whether there was anything. */
export async function removeModel(home: string, name: string): Promise<boolean> {
  const root = modelsFolder(home)
  if (!existsSync(root)) return false
  const busy = new PullError(`${name} is being pulled or imported by another process.`)
  return withLock(await lockOf(home, name), { busy }, async () => {
    await sweep(root)
    const found = [join(root, name), join(root, '.pulling', name)].filter((folder) => existsSync(folder))
    for (const folder of found) {
      // Renamed first: a removal that is cut off leaves no model without some of its files.
      const trash = join(root, `.trash-${randomUUID()}`)
      await rename(folder, trash)
      await rm(trash, { recursive: true })
    }
    return found.length > 0
  })
}

/** Every file whose content is not what its manifest says; empty for a sound model. */
export async function findDamage({ model, folder }: StoredModel, signal: AbortSignal): Promise<string[]> {
  const damaged: string[] = []
  for (const [path, { bytes, sha256 }] of Object.entries(model.files)) {
    const promised = { algorithm: 'sha256', hex: sha256 } as const
    const isSound = await hashFile(join(folder, path), { bytes, promised, signal }).then(
      ({ isAsPromised }) => isAsPromised,
      () => false,
    )
    signal.throwIfAborted()
    if (!isSound) damaged.push(path)
  }
  return damaged
}

/** Its file, in a folder that is there. */
async function lockOf(home: string, name: string): Promise<string> {
  const folder = join(modelsFolder(home), '.locks')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return join(folder, name)
}

/** What removals that were cut off left behind. */
async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith('.trash-')) await rm(join(root, name), { recursive: true, force: true })
  }
}

/** Files of an earlier pull that this one did not want. */
async function removeOthers(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const absolute = join(entry.parentPath, entry.name)
    const relative = absolute.slice(folder.length + 1).replaceAll('\\', '/')
    if (!entry.isDirectory() && !wanted.has(relative)) await rm(absolute, { force: true })
  }
}

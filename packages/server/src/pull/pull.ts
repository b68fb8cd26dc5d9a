import { mkdir, stat } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { chooseFiles, chooseSettings, type Wanted } from './choose-files.js'
import { copy, type LocalFile } from './copy.js'
import { checkDiskSpace } from './disk-space.js'
import { type DownloadOptions, download, type RemoteFile } from './download.js'
import { externalDataLocations } from './external-data.js'
import { listFolder } from './folder.js'
import type { Reach } from './get-json.js'
import { type Hub, listHubRepository } from './hub.js'
import { createLimit } from './limit.js'
import { type ModelShape, readShape } from './model-shape.js'
import { addModel, type StoredModel } from './model-store.js'
import { listModelScopeRepository } from './modelscope.js'
import type { Lanes } from './part.js'
import { diskError, PullError } from './pull-error.js'
import type { Prompts, PulledModel, TowerFacts, Towers } from './pulled-model.js'
import type { OfferedFile, Repository } from './repository.js'
import type { Source } from './source.js'
import { listUrl } from './url.js'

/** What to pull, and as what. */
export interface PullRequest {
  name: string
  source: Source
  /** Where tokenizer and settings come from, when the source has the weights only. */
  settingsSource?: Source
  wanted: Wanted
  /** What a curated entry adds. */
  curated?: { name: string; license: string; prompts?: Prompts; towers?: TowerFacts; shape?: ModelShape }
}

/** A file that is about to come, or is there already. */
export interface PlannedFile {
  path: string
  bytes: number
}

export interface PullOptions extends Reach {
  home: string
  hub: Hub
  modelScopeEndpoint: string
  /** Nothing may leave this machine: only folders can be pulled from. */
  isOffline: boolean
  /** Most connections at once. */
  connections: number
  lanes: Lanes
  onPlan: (files: readonly PlannedFile[]) => void
  onBytes: (path: string, count: number) => void
  now: () => Date
}

/**
 * Bring a model into the home. It appears there when all its files are there, checked and safe on the disk; until then what
 * came waits beside it, and the same call goes on from there.
 *
 * @throws {PullError} saying what stands in the way.
 */
export async function pull(request: PullRequest, options: PullOptions): Promise<StoredModel> {
  try {
    return await addModel(options.home, request.name, (folder) => fill(folder, request, options))
  } catch (error) {
    options.signal.throwIfAborted()
    throw diskError(error) ?? error
  }
}

async function fill(folder: string, request: PullRequest, options: PullOptions): Promise<PulledModel> {
  const [weights, settings] = await Promise.all([
    list(request.source, options),
    request.settingsSource === undefined ? undefined : list(request.settingsSource, options),
  ])
  const told = weights.manifest
  const chosen = told
    ? { ...told, weightFiles: Object.keys(told.files) }
    : chooseFiles(pathsOf(weights), request.wanted)
  const needed = [...chosen.weightFiles, ...(chosen.towers === undefined ? [] : [chosen.towers.preprocessor])]
  const files = filesOf(weights, needed, settings ?? weights)
  if (chosen.engine === 'onnx' && !files.some(({ path }) => path === 'tokenizer.json')) {
    throw new PullError(`${weights.source} has no tokenizer.json; --settings-from org/repo takes it from its original.`)
  }
  const hashes = await fetchAll(files, folder, options)
  if (chosen.engine === 'onnx') {
    for (const graph of new Set([chosen.weights, chosen.towers?.text ?? chosen.weights])) {
      const more = await missingData(join(folder, graph), { weights: graph, files, repository: weights, options })
      for (const [path, hash] of await fetchAll(more, folder, options)) hashes.set(path, hash)
      files.push(...more)
    }
  }
  const paths = files.map(({ path }) => path)
  const { curated } = request
  const license = curated?.license ?? weights.license
  const prompts = curated?.prompts ?? told?.prompts
  const facts = curated?.towers ?? told?.towers?.facts
  const towers: Towers | undefined = chosen.towers && { ...chosen.towers, ...(facts && { facts }) }
  return {
    name: request.name,
    source: weights.source,
    ...(settings && { settingsSource: settings.source }),
    ...(curated ? { curated: curated.name } : told?.curated ? { curated: told.curated } : {}),
    engine: chosen.engine,
    variant: chosen.variant,
    files: Object.fromEntries(files.map(({ path, bytes }) => [path, { bytes, sha256: getHash(hashes, path) }])),
    weights: chosen.weights,
    ...(towers && { towers }),
    ...(await readShape(folder, { ...chosen, paths, towers, curated: curated?.shape })),
    ...(license && { license }),
    pulledAt: options.now().toISOString(),
    ...(prompts && { prompts }),
  }
}

async function list(source: Source, options: PullOptions): Promise<Repository> {
  if (source.kind === 'folder') return listFolder(source.path)
  if (options.isOffline) {
    throw new PullError(
      `${source.written} is not on this machine, and QUIVER_OFFLINE is set. \`quiver import\` takes archives.`,
    )
  }
  switch (source.kind) {
    case 'hugging-face':
      return listHubRepository(source, options.hub, options)
    case 'modelscope':
      return listModelScopeRepository(source, options.modelScopeEndpoint, options)
    case 'url':
      return listUrl(source, options)
  }
}

function pathsOf({ files }: Repository): string[] {
  return files.map(({ path }) => path)
}

function getHash(hashes: ReadonlyMap<string, string>, path: string): string {
  const hash = hashes.get(path)
  if (hash === undefined) throw new TypeError(`${path} was fetched without a hash`)
  return hash
}

/** Weights of the one, settings of the other; where it lacks one, the weights' own. */
function filesOf(weights: Repository, weightFiles: readonly string[], settings: Repository): OfferedFile[] {
  const chosen = new Map<string, OfferedFile>()
  for (const { files } of [weights, settings]) {
    const paths = new Set(chooseSettings(files.map(({ path }) => path)))
    for (const file of files) if (paths.has(file.path)) chosen.set(file.path, file)
  }
  for (const path of weightFiles) {
    const file = weights.files.find((offered) => offered.path === path)
    if (file === undefined) throw new PullError(`${weights.source} lacks ${path}, which its quiver-model.json names.`)
    chosen.set(path, file)
  }
  return [...chosen.values()]
}

/** @returns SHA-256 by path. The first failure stops the others. */
async function fetchAll(
  files: readonly OfferedFile[],
  folder: string,
  options: PullOptions,
): Promise<Map<string, string>> {
  options.onPlan(files.map(({ path, bytes }) => ({ path, bytes })))
  await mkdir(folder, { recursive: true })
  const missing = await Promise.all(files.map((file) => missingBytes(join(folder, file.path), file.bytes)))
  await checkDiskSpace(
    folder,
    missing.reduce((sum, bytes) => sum + bytes, 0),
  )
  const stopped = new AbortController()
  const signal = AbortSignal.any([options.signal, stopped.signal])
  const limit = createLimit(options.connections)
  const work = files.map(async (file): Promise<[string, string]> => {
    try {
      return [file.path, await fetchOne(file, { ...options, folder, limit, signal })]
    } catch (error) {
      stopped.abort(error)
      throw error
    }
  })
  const outcomes = await Promise.allSettled(work)
  options.signal.throwIfAborted()
  if (stopped.signal.aborted) throw stopped.signal.reason
  return new Map(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])))
}

function fetchOne(file: OfferedFile, options: DownloadOptions): Promise<string> {
  return isRemote(file) ? download(file, options) : options.limit(() => copyOne(file as LocalFile, options)) // the other kind of `from`
}

async function copyOne(file: LocalFile, options: DownloadOptions): Promise<string> {
  const sha256 = await copy(file, options)
  options.onBytes(file.path, file.bytes)
  return sha256
}

function isRemote(file: OfferedFile): file is RemoteFile {
  return 'url' in file.from
}

/** Blocks, not length: a download over several connections leaves holes. */
async function missingBytes(target: string, bytes: number): Promise<number> {
  const [done, part] = await Promise.all([target, `${target}.part`].map((path) => stat(path).catch(() => undefined)))
  return Math.max(0, bytes - ((done ?? part)?.blocks ?? 0) * 512)
}

/** Numbers that the graph keeps in files which no naming rule gives away. */
async function missingData(
  graph: string,
  context: { weights: string; files: readonly OfferedFile[]; repository: Repository; options: PullOptions },
): Promise<OfferedFile[]> {
  const { weights, files, repository, options } = context
  const locations = await externalDataLocations(graph, options.signal)
  return locations
    .map((location) => posix.join(posix.dirname(weights), location))
    .filter((path) => !files.some((file) => file.path === path))
    .map((path) => {
      const found = repository.files.find((file) => file.path === path)
      if (found === undefined)
        throw new PullError(`${weights} needs ${path}, which ${repository.source} does not have.`)
      return found
    })
}

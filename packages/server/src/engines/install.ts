import { fork, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  getOnDemand,
  INSTALLED,
  OnDemandError,
  onDemandFolder,
  packagesOf,
  platformName,
  platformOf,
} from './on-demand.js'

export interface InstallOptions {
  home: string
  signal: AbortSignal
  /** Told of each step, in a line for people. */
  onStep: (step: string) => void
  /** Where the words of npm and of the binding go; default: this process's standard error. */
  output?: 'inherit' | 'ignore'
  /** The npm to run. */
  npm?: string
}

const PROBE_TIMEOUT_MS = 60_000
/** A folder that an installation left behind is taken for such after this time. */
const LEFT_BEHIND_MS = 24 * 3_600_000

/**
 * Install an engine's packages into the home: by npm into a folder beside, loaded once to see that they work here, and then
 * put in place in one step. Whatever stops it, what was there before stays.
 *
 * Nothing of the packages is run while they are installed; all binaries are in them.
 *
 * @throws {OnDemandError} when npm fails, or the packages cannot be loaded on this machine.
 */
export async function installEngine(id: string, options: InstallOptions): Promise<string> {
  const { home, signal, onStep } = options
  const { megabytes, title } = getOnDemand(id)
  const packages = packagesOf(id)
  const target = onDemandFolder(home, id)
  const root = dirname(target)
  const staging = join(root, `.adding-${id}-${randomUUID()}`)
  await mkdir(staging, { recursive: true, mode: 0o700 })
  try {
    await sweep(root)
    const named = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
    onStep(`${id} (${title}): installing ${named.join(', ')}, about ${megabytes} MB`)
    await writeFile(join(staging, 'package.json'), JSON.stringify({ private: true, dependencies: packages }, null, 2))
    await runNpm(staging, options)
    onStep(`${id}: loading it on this machine`)
    await probe(id, staging, options)
    const record = { id, platform: platformName(), packages, installedAt: new Date().toISOString() }
    await writeSynced(join(staging, INSTALLED), `${JSON.stringify(record, null, 2)}\n`)
    await replace(target, staging)
    return target
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    signal.throwIfAborted()
    throw error
  }
}

/** @returns whether it was there. */
export async function removeEngine(home: string, id: string): Promise<boolean> {
  const target = onDemandFolder(home, getOnDemand(id).id)
  const isThere = await stat(target).then(
    () => true,
    () => false,
  )
  if (!isThere) return false
  // Renamed first: a removal that is cut off leaves no engine without some of its files.
  const trash = join(dirname(target), `.removing-${id}-${randomUUID()}`)
  await rename(target, trash)
  await rm(trash, { recursive: true })
  return true
}

async function runNpm(folder: string, { signal, output = 'inherit', npm = 'npm' }: InstallOptions): Promise<void> {
  const flags = ['--omit=optional', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  await run(
    spawn(npm, ['install', ...flags], {
      cwd: folder,
      signal,
      // What it prints is progress; standard output is for results.
      stdio: ['ignore', output === 'inherit' ? process.stderr : 'ignore', output],
      shell: process.platform === 'win32', // npm is a script there
    }),
    (error) =>
      error?.code === 'ENOENT'
        ? `${npm} was not found; engines are installed with npm, which comes with Node.js.`
        : 'npm could not install it; what it says stands above. Nothing was changed.',
  )
}

async function probe(id: string, folder: string, { signal, output = 'inherit' }: InstallOptions): Promise<void> {
  // Under Vitest this file runs as TypeScript; a process needs the compiled one.
  const base = import.meta.url.endsWith('.ts') ? new URL('../../dist/engines/', import.meta.url) : import.meta.url
  const path = new URL(getOnDemand(id).probe, base)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)])
  await run(
    fork(path, [folder, platformOf(id).gpu ?? ''], {
      stdio: ['ignore', 'ignore', output, 'ipc'],
      execArgv: [],
      signal: limit,
    }),
    () => `${id} was installed but cannot be loaded on this machine (${platformName()}). Nothing was changed.`,
  )
}

function run(child: ReturnType<typeof spawn>, describe: (error?: NodeJS.ErrnoException) => string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new OnDemandError(describe(error), { cause: error })))
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new OnDemandError(describe()))))
  })
}

async function replace(target: string, staging: string): Promise<void> {
  const old = join(dirname(target), `.removing-${randomUUID()}`)
  await rename(target, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rename(staging, target)
  await rm(old, { recursive: true, force: true })
}

async function writeSynced(path: string, content: string): Promise<void> {
  const handle = await open(path, 'w')
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What installations and removals that were cut off left behind. */
async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!/^\.(adding|removing)-/.test(name)) continue
    const { mtimeMs } = await stat(join(root, name))
    if (Date.now() - mtimeMs > LEFT_BEHIND_MS) await rm(join(root, name), { recursive: true, force: true })
  }
}

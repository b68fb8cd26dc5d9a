import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** A platform for which an engine's packages have binaries. */
export interface Platform {
  /** npm package with the binaries → its version. */
  packages: Readonly<Record<string, string>>
  /** Where its binaries compute, if not on the processor. */
  gpu?: 'metal'
}

/** An engine whose packages are large and needed by few: they are no dependency, but installed when asked for. */
export interface OnDemandEngine {
  id: string
  title: string
  /** npm package → version, on every platform. */
  packages: Readonly<Record<string, string>>
  /** By `process.platform` and `process.arch`. */
  platforms: Readonly<Record<string, Platform>>
  /** Of one platform, installed. */
  megabytes: number
  /** Compiled module, beside this one, that loads the packages of the folder it is given and ends with 0 if it can. */
  probe: string
}

const LLAMA = '3.22.1'

/** Every engine of this kind, with the one version of each package that it was tested with. */
export const ON_DEMAND: readonly OnDemandEngine[] = [
  {
    id: 'llama-cpp',
    title: 'GGUF models, by llama.cpp',
    packages: { 'node-llama-cpp': LLAMA },
    platforms: {
      'linux-x64': { packages: { '@node-llama-cpp/linux-x64': LLAMA } },
      'linux-arm64': { packages: { '@node-llama-cpp/linux-arm64': LLAMA } },
      'darwin-arm64': { packages: { '@node-llama-cpp/mac-arm64-metal': LLAMA }, gpu: 'metal' },
      'darwin-x64': { packages: { '@node-llama-cpp/mac-x64': LLAMA } },
      'win32-x64': { packages: { '@node-llama-cpp/win-x64': LLAMA } },
      'win32-arm64': { packages: { '@node-llama-cpp/win-arm64': LLAMA } },
    },
    megabytes: 85,
    probe: './llama-cpp/probe.js',
  },
]

/** An engine cannot be used here; the message says what to do. */
export class OnDemandError extends Error {
  override readonly name = 'OnDemandError'
}

/** Written last into an engine's folder: one without it is not installed. */
export const INSTALLED = 'quiver-engine.json'
const InstalledFile = z.object({ platform: z.string(), packages: z.record(z.string(), z.string()) })

/** @throws {OnDemandError} for an id that no engine of this kind has. */
export function getOnDemand(id: string): OnDemandEngine {
  const found = ON_DEMAND.find((engine) => engine.id === id)
  if (found !== undefined) return found
  throw new OnDemandError(
    `there is no engine ${id} to install; there are ${ON_DEMAND.map((one) => one.id).join(', ')}.`,
  )
}

/** What this machine needs of an engine. @throws {OnDemandError} where there are no binaries for it. */
export function platformOf(id: string, name = platformName()): Platform {
  const { platforms } = getOnDemand(id)
  const found = platforms[name]
  if (found !== undefined) return found
  throw new OnDemandError(`${id} has no binaries for ${name}; it has some for ${Object.keys(platforms).join(', ')}.`)
}

/** `linux-x64`; `linux-x64-musl` where the C library is not glibc, which all these binaries need. */
export function platformName(): string {
  const name = `${process.platform}-${process.arch}`
  if (process.platform !== 'linux') return name
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } } // Node's own format
  return header.glibcVersionRuntime === undefined ? `${name}-musl` : name
}

/** All packages of an engine on this machine, with their versions. @throws {OnDemandError} */
export function packagesOf(id: string): Record<string, string> {
  return { ...getOnDemand(id).packages, ...platformOf(id).packages }
}

export function onDemandFolder(home: string, id: string): string {
  return join(home, 'engines', id)
}

/** How an engine is there. */
export type InstallState = 'absent' | 'outdated' | 'installed'

/** `outdated`: other versions than those of this release, or another machine's. */
export async function installStateOf(home: string, id: string): Promise<InstallState> {
  const content = await readFile(join(onDemandFolder(home, id), INSTALLED), 'utf8').catch(() => undefined)
  if (content === undefined) return 'absent'
  const { data } = InstalledFile.safeParse(JSON.parse(content))
  const wanted = Object.entries(packagesOf(id))
  const isSame = data?.platform === platformName() && wanted.every(([name, version]) => data.packages[name] === version)
  return isSame ? 'installed' : 'outdated'
}

/** The folder of an engine that is installed. @throws {OnDemandError} when it is not, or not as this release needs it. */
export async function installedFolder(home: string, id: string): Promise<string> {
  const state = await installStateOf(home, id)
  if (state === 'installed') return onDemandFolder(home, id)
  const what = state === 'absent' ? 'is not installed' : 'is installed in another version than this release needs'
  throw new OnDemandError(`the engine ${id} ${what}; run \`quiver engines add ${id}\`.`)
}

import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Http } from '../../pull/http.js'
import { readZip } from './zip.js'

/** OpenVINO's libraries, ready to be loaded. */
export interface Accelerator {
  version: string
  /** Folder of the libraries. */
  libraries: string
}

/** The accelerator cannot be had; the message says why and what to do. */
export class AcceleratorError extends Error {
  override readonly name = 'AcceleratorError'
}

/** The release that was measured and tested: a wheel of PyPI, of which only the libraries are used. */
const RELEASE = {
  version: '2026.4.1',
  project: 'openvino',
  file: 'openvino-2026.4.1-22982-cp311-cp311-manylinux_2_28_x86_64.whl',
  sha256: '2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf',
  bytes: 59_130_756,
}
const LIBRARIES =
  /^openvino\/libs\/(lib(?:openvino|openvino_c|openvino_onnx_frontend|openvino_intel_cpu_plugin|tbb|tbbmalloc|hwloc)\.so[.\d]*)$/
const LICENCES = /^openvino-[^/]+\.dist-info\/licenses\/(?:.*\/)?([^/]+)$/
/** Written last: a folder without it is no accelerator. */
const MARKER = 'quiver-accelerator.json'
const Marker = z.object({ version: z.string() })
const MAX_INDEX_BYTES = 64 * 2 ** 20
const ACCEPT = 'text/html, application/octet-stream'
const ANSWER_MS = 30_000

export interface InstallOptions {
  home: string
  /** Root of a package index as PyPI has it (PEP 503): `https://pypi.org/simple`. */
  indexUrl: string
  /** A wheel that is there already, for machines without a network. */
  file?: string | undefined
  onProgress?: ((bytes: number, total: number) => void) | undefined
  http: Http
  signal: AbortSignal
}

/** The accelerator in this home; undefined without one, or where the processor gains nothing by it. */
export function findAccelerator(home: string): Accelerator | undefined {
  const folder = folderOf(home)
  if (!existsSync(join(folder, MARKER)) || !multipliesBfloat16()) return undefined
  const marker = Marker.safeParse(JSON.parse(readFileSync(join(folder, MARKER), 'utf8')))
  return marker.data?.version === RELEASE.version ? { version: RELEASE.version, libraries: folder } : undefined
}

/** Whether the processor multiplies bfloat16 itself. Linux only: read from /proc. */
export function multipliesBfloat16(): boolean {
  try {
    return /\b(?:amx_bf16|avx512_bf16)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  } catch {
    return false
  }
}

/**
 * Fetch OpenVINO and put its libraries into the home. What is there already is replaced in one step.
 *
 * @throws {AcceleratorError}
 * @throws the signal's reason.
 */
export async function installAccelerator({
  home,
  indexUrl,
  file,
  onProgress,
  http,
  signal,
}: InstallOptions): Promise<Accelerator> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new AcceleratorError(`the accelerator is for Linux on x64; this is ${process.platform} on ${process.arch}.`)
  }
  const wheel = file === undefined ? await download(indexUrl, { onProgress, http, signal }) : await readFile(file)
  const sha256 = createHash('sha256').update(wheel).digest('hex')
  if (sha256 !== RELEASE.sha256) {
    throw new AcceleratorError(`${file ?? RELEASE.file} has SHA-256 ${sha256} instead of ${RELEASE.sha256}.`)
  }
  const folder = folderOf(home)
  const fresh = `${folder}.${randomUUID()}`
  await mkdir(fresh, { recursive: true })
  try {
    for (const entry of readZip(wheel)) {
      const name = LIBRARIES.exec(entry.name)?.[1] ?? LICENCES.exec(entry.name)?.[1]
      if (name !== undefined) await writeFile(join(fresh, name), entry.read(), { mode: 0o644 })
    }
    await writeFile(join(fresh, MARKER), JSON.stringify({ version: RELEASE.version, sha256 }))
    signal.throwIfAborted()
    await rm(folder, { recursive: true, force: true })
    await rename(fresh, folder)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return { version: RELEASE.version, libraries: folder }
}

function folderOf(home: string): string {
  return join(home, 'accelerators', 'openvino')
}

async function download(
  indexUrl: string,
  { onProgress, http, signal }: Pick<InstallOptions, 'onProgress' | 'http' | 'signal'>,
): Promise<Buffer> {
  const index = new URL(`${indexUrl.replace(/\/$/, '')}/${RELEASE.project}/`)
  const page = (await fetchBytes(index, { limit: MAX_INDEX_BYTES, http, signal })).toString()
  const links = [...page.matchAll(/href="([^"]+)"/g)].map(
    ([, href = '']) => new URL(href.replaceAll('&amp;', '&'), index),
  )
  const link = links.find(({ pathname }) => pathname.endsWith(`/${RELEASE.file}`))
  if (link === undefined) throw new AcceleratorError(`${index.href} does not list ${RELEASE.file}.`)
  return fetchBytes(link, { limit: RELEASE.bytes, onProgress, http, signal })
}

async function fetchBytes(
  url: URL,
  { limit, onProgress, http, signal }: { limit: number } & Pick<InstallOptions, 'onProgress' | 'http' | 'signal'>,
): Promise<Buffer> {
  const unreachable = (cause: unknown) => {
    signal.throwIfAborted()
    return new AcceleratorError(`${url.href} cannot be reached; with --file a wheel is taken from disk.`, { cause })
  }
  const { status, body } = await http
    .get(url.href, { signal, answerMs: ANSWER_MS, headers: { accept: ACCEPT } })
    .catch((cause: unknown) => {
      throw unreachable(cause)
    })
  try {
    if (status !== 200) throw new AcceleratorError(`${url.href} answers ${status}.`)
    const parts: Buffer[] = []
    let bytes = 0
    for await (const part of body as AsyncIterable<Buffer>) {
      // a byte stream without an encoding set
      parts.push(part)
      bytes += part.length
      if (bytes > limit) throw new AcceleratorError(`${url.href} has more than ${limit} bytes.`)
      onProgress?.(bytes, limit)
    }
    return Buffer.concat(parts)
  } catch (error) {
    throw error instanceof AcceleratorError ? error : unreachable(error)
  } finally {
    body.destroy()
  }
}

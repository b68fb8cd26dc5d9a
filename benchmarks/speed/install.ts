import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '../places.js'
import { publish, type Section, toShort } from '../report.js'

const BIGGEST = 12
const MB = 1_000_000

interface Install {
  command: string
  seconds: number
  /** Package → bytes on disk. */
  packages: Map<string, number>
}

/** Time and disk of `npm ci` in a fresh clone of the last commit, with and without what only developers need. */
export async function install(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'quiver-bench-install-'))
  try {
    const clone = join(folder, 'clone')
    await run('git', ['clone', '--quiet', '--no-hardlinks', REPOSITORY, clone], folder)
    const weights = join(clone, 'packages/server/weights')
    const weightBytes = existsSync(weights) ? await bytesOf(weights) : 0
    const installs: Install[] = []
    for (const words of [['ci'], ['ci', '--omit=dev']]) installs.push(await measure(clone, words))
    publish('Installation', {
      command: 'npm run bench -- install',
      file: 'install.md',
      sections: [describeInstalls(installs, weightBytes), ...installs.slice(-1).map(describeBiggest)],
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(clone: string, words: readonly string[]): Promise<Install> {
  await rm(join(clone, 'node_modules'), { recursive: true, force: true })
  const startedAt = performance.now()
  await run('npm', words, clone)
  const seconds = (performance.now() - startedAt) / 1000
  return { command: ['npm', ...words].join(' '), seconds, packages: await sizesOf(join(clone, 'node_modules')) }
}

async function sizesOf(nodeModules: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for (const name of await readdir(nodeModules)) {
    const folder = join(nodeModules, name)
    const members = name.startsWith('@') ? (await readdir(folder)).map((member) => `${name}/${member}`) : [name]
    for (const member of members) sizes.set(member, await bytesOf(join(nodeModules, member)))
  }
  return sizes
}

/** Bytes that a folder takes on disk, as `du` counts them; links are not followed. */
async function bytesOf(path: string): Promise<number> {
  const stat = await lstat(path)
  if (!stat.isDirectory()) return stat.blocks * 512
  const inside = await Promise.all((await readdir(path)).map((name) => bytesOf(join(path, name))))
  return inside.reduce((sum, bytes) => sum + bytes, stat.blocks * 512)
}

function describeInstalls(installs: readonly Install[], weightBytes: number): Section {
  return {
    title: 'npm ci in a fresh clone',
    notes: [
      'The npm cache is warm, so the time is that of unpacking, not of the network.',
      `The weights of the built-in model are in the clone: ${toShort(weightBytes / MB)} MB.`,
    ],
    header: ['Command', 'seconds', 'packages', 'node_modules, MB'],
    rows: installs.map(({ command, seconds, packages }) => [
      `\`${command}\``,
      toShort(seconds),
      String(packages.size),
      toShort([...packages.values()].reduce((sum, bytes) => sum + bytes, 0) / MB),
    ]),
  }
}

function describeBiggest({ command, packages }: Install): Section {
  const sorted = [...packages].sort(([, a], [, b]) => b - a)
  return {
    title: `Biggest packages after \`${command}\``,
    header: ['Package', 'MB'],
    rows: sorted.slice(0, BIGGEST).map(([name, bytes]) => [name, toShort(bytes / MB)]),
  }
}

async function run(program: string, words: readonly string[], folder: string): Promise<void> {
  const child = spawn(program, words, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (part: Buffer) => {
    errors += part.toString()
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ${words.join(' ')} failed with code ${code}:\n${errors}`)
}

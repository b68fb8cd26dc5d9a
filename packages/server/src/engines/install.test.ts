import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { installEngine, removeEngine } from './install.js'
import {
  INSTALLED,
  installedFolder,
  installStateOf,
  ON_DEMAND,
  onDemandFolder,
  packagesOf,
  platformOf,
} from './on-demand.js'

const { signal } = new AbortController()
let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'quiver-engines-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

/** An npm that does as it is told instead of fetching anything. */
async function fakeNpm(script: string): Promise<string> {
  const path = join(home, 'npm')
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

const install = async (script: string, changes: { signal?: AbortSignal } = {}) =>
  installEngine('llama-cpp', {
    home,
    signal,
    onStep: () => {},
    output: 'ignore',
    npm: await fakeNpm(script),
    ...changes,
  })
/** A binding that loads, and says nothing more. */
const GOOD = `mkdir -p node_modules/node-llama-cpp/dist && echo "$@" > asked
echo '{"type":"module"}' > node_modules/node-llama-cpp/package.json
echo 'export const getLlama = async () => ({ dispose: async () => {} })' > node_modules/node-llama-cpp/dist/index.js`

test('an engine is installed in exact versions, without running anything of it, and is then there', async () => {
  expect(await installStateOf(home, 'llama-cpp')).toBe('absent')
  const folder = await install(GOOD)
  expect(await installStateOf(home, 'llama-cpp')).toBe('installed')
  expect(await installedFolder(home, 'llama-cpp')).toBe(folder)
  expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).dependencies).toEqual(packagesOf('llama-cpp'))
  expect(readFileSync(join(folder, 'asked'), 'utf8')).toMatch(/^install --omit=optional .*--ignore-scripts/)
  expect(await readdir(join(home, 'engines'))).toEqual(['llama-cpp'])
})

test.each([
  ['npm fails', 'exit 1', /npm could not install it/],
  [
    'it cannot be loaded here',
    GOOD.replace('async () => ({', 'async () => { throw new Error("no binary") }; ({'),
    /cannot be loaded on this machine/,
  ],
])('when %s, what was there before stays, and nothing else', async (_, script, message) => {
  await install(GOOD)
  await expect(install(script)).rejects.toThrow(message)
  expect(await installStateOf(home, 'llama-cpp')).toBe('installed')
  expect(await readdir(join(home, 'engines'))).toEqual(['llama-cpp'])
})

test('without npm it says so', async () => {
  const options = { home, signal, onStep: () => {}, npm: join(home, 'no-such-npm') }
  await expect(installEngine('llama-cpp', options)).rejects.toThrow(/was not found; engines are installed with npm/)
})

test('an installation that is broken off leaves nothing', async () => {
  const stop = new AbortController()
  const installing = install('exec sleep 60', { signal: stop.signal })
  setTimeout(() => stop.abort(new Error('stop')), 200)
  await expect(installing).rejects.toThrow('stop')
  expect(await readdir(join(home, 'engines'))).toEqual([])
})

test('another version than this release’s is not used', async () => {
  const folder = onDemandFolder(home, 'llama-cpp')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, INSTALLED), JSON.stringify({ platform: 'other', packages: {} }))
  expect(await installStateOf(home, 'llama-cpp')).toBe('outdated')
  await expect(installedFolder(home, 'llama-cpp')).rejects.toThrow(
    /in another version .* `quiver engines add llama-cpp`/,
  )
  await install(GOOD)
  expect(await installStateOf(home, 'llama-cpp')).toBe('installed')
})

test('removing says whether it was there', async () => {
  expect(await removeEngine(home, 'llama-cpp')).toBe(false)
  const folder = await install(GOOD)
  expect(await removeEngine(home, 'llama-cpp')).toBe(true)
  expect(existsSync(folder)).toBe(false)
})

test('what is not in the table is refused with what is', async () => {
  await expect(removeEngine(home, 'tensorflow')).rejects.toThrow(
    'there is no engine tensorflow to install; there are llama-cpp.',
  )
  expect(() => platformOf('llama-cpp', 'linux-x64-musl')).toThrow(
    /no binaries for linux-x64-musl; it has some for linux-x64,/,
  )
  for (const { packages, platforms } of ON_DEMAND) {
    const versions = [packages, ...Object.values(platforms).map((platform) => platform.packages)].flatMap(Object.values)
    expect(versions.every((version) => /^\d+\.\d+\.\d+$/.test(version))).toBe(true)
  }
})

/**
 * onnxruntime-node ships the binaries of every platform in one package, 290 MB of which one machine can use 45.
 * Runs after `npm ci`; removes the others. A missing folder is no error: the package may one day be split.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const bin = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'bin')
const foldersIn = (path) => (existsSync(path) ? readdirSync(path) : [])

for (const abi of foldersIn(bin)) {
  for (const platform of foldersIn(join(bin, abi))) {
    for (const arch of foldersIn(join(bin, abi, platform))) {
      if (platform !== process.platform || arch !== process.arch)
        rmSync(join(bin, abi, platform, arch), { recursive: true })
    }
  }
}

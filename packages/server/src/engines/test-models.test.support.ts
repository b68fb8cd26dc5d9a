import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where test/weights/build.sh puts the models: outside of what git knows. Tests on a model that is not there skip. */
export const MODELS =
  process.env.QUIVER_TEST_MODELS ?? fileURLToPath(new URL('../../../../.cache/test-models/', import.meta.url))

/** A home with the accelerator, where `quiver accelerate --home .cache/test-home` was run. */
export const TEST_HOME =
  process.env.QUIVER_TEST_HOME ?? fileURLToPath(new URL('../../../../.cache/test-home/', import.meta.url))

export function modelPath(...parts: readonly string[]): string {
  return join(MODELS, ...parts)
}

/** Why tests on a model skip; undefined where they run. */
export function missing(model: string): string | undefined {
  return existsSync(modelPath(model, 'quiver-model.json'))
    ? undefined
    : `${model} is not in ${MODELS} (test/weights/build.sh)`
}

/** A file of a copy: what it holds instead, or undefined where the copy has none. */
export type Changes = Readonly<Record<string, string | Buffer | undefined>>

/** A copy of a model's folder, its files linked, some of them changed. `remove` it afterwards. */
export function copyModel(model: string, changes: Changes = {}): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-model-'))
  const file = JSON.parse(readFileSync(modelPath(model, 'quiver-model.json'), 'utf8'))
  for (const path of Object.keys(file.files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    if (!(path in changes)) symlinkSync(modelPath(model, path), join(folder, path))
  }
  for (const [path, content] of Object.entries(changes)) {
    delete file.files[path]
    if (content === undefined) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
    file.files[path] = { bytes: Buffer.byteLength(content), sha256: createHash('sha256').update(content).digest('hex') }
  }
  writeFileSync(join(folder, 'quiver-model.json'), JSON.stringify(file))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

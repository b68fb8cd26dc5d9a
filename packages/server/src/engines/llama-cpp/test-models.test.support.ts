import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { INSTALLED, onDemandFolder } from '../on-demand.js'

/** Where test/weights/gguf/build.sh puts models and engine; tests on them skip where they are not. */
const MODELS =
  process.env.QUIVER_TEST_MODELS ?? fileURLToPath(new URL('../../../../../.cache/test-models/', import.meta.url))

export const TEST_HOME = join(MODELS, 'home')

export function modelFolder(model: string): string {
  return join(MODELS, model)
}

/** Why tests on these models skip; undefined where they run. */
export function missing(...models: readonly string[]): string | undefined {
  const absent = models.find((model) => !existsSync(join(MODELS, model, 'quiver-model.json')))
  if (absent !== undefined) return `${absent} is not in ${MODELS} (test/weights/gguf/build.sh)`
  const isInstalled = existsSync(join(onDemandFolder(TEST_HOME, 'llama-cpp'), INSTALLED))
  return isInstalled ? undefined : `llama-cpp is not installed in ${TEST_HOME} (test/weights/gguf/build.sh)`
}

/** A copy of a model's folder, its files linked, its manifest changed. `remove` it afterwards. */
export function copyModel(
  model: string,
  changes: Readonly<Record<string, unknown>>,
): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-gguf-'))
  const manifest = JSON.parse(readFileSync(join(MODELS, model, 'quiver-model.json'), 'utf8'))
  for (const path of Object.keys(manifest.files)) symlinkSync(join(MODELS, model, path), join(folder, path))
  writeFileSync(join(folder, 'quiver-model.json'), JSON.stringify({ ...manifest, ...changes }))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError, ModelFolder } from './model-folder.js'

/** The pulled models of a home that are for this engine, by name. What is none, or for another engine, is passed over. */
export async function findPulledModels(home: string, engine: string): Promise<{ name: string; folder: string }[]> {
  const root = join(home, 'models')
  const names = await readdir(root).catch(() => []) // nothing was ever pulled
  const found: { name: string; folder: string }[] = []
  for (const name of names.toSorted()) {
    const folder = join(root, name)
    try {
      found.push({ name: (await ModelFolder.open(folder, engine)).name, folder })
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
    }
  }
  return found
}

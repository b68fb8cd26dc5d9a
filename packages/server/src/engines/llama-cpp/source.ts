import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Prompts } from '../../pull/pulled-model.js'
import { ModelError, ModelFolder } from '../pulled/model-folder.js'
import type { Pooling } from './description.js'

/** Where a model comes from: a folder of `quiver pull`, or a GGUF file as it is. */
export type SourceOptions = { folder: string } | { file: string; prompts?: Prompts; pooling?: Pooling }

/** A model's files, and what is said of them beside them. */
export interface Source {
  name: string
  weightsPath: string
  /** Of all files. */
  bytes: number
  prompts: Prompts
  pooling?: Pooling | undefined
  /** Other files of the folder. */
  folder: Pick<ModelFolder, 'optionalJson'>
  /** SHA-256 of each file in order, in hex, once the files were read and are what they should be. @throws {ModelError} */
  hashes(signal: AbortSignal): Promise<string[]>
}

const NO_PROMPTS: Prompts = { query: '', document: '' }

/** @throws {ModelError} for a folder without a model for this engine, or a file that is not there. */
export async function openSource(options: SourceOptions): Promise<Source> {
  return 'folder' in options ? openFolder(options.folder) : openFile(options)
}

async function openFolder(path: string): Promise<Source> {
  const folder = await ModelFolder.open(path, 'llama-cpp')
  return {
    name: folder.name,
    weightsPath: folder.weightsPath,
    bytes: folder.bytes,
    prompts: folder.prompts ?? NO_PROMPTS,
    pooling: folder.pooling,
    folder,
    async hashes(signal) {
      await folder.verify(folder.paths, signal)
      return folder.paths.filter((file) => /\.gguf$/i.test(file)).map((file) => folder.sha256Of(file))
    },
  }
}

async function openFile({
  file,
  prompts = NO_PROMPTS,
  pooling,
}: {
  file: string
  prompts?: Prompts
  pooling?: Pooling
}): Promise<Source> {
  const { size } = await stat(file).catch(() => {
    throw new ModelError(`${file} cannot be read.`)
  })
  return {
    name: basename(file).replace(/\.gguf$/i, ''),
    weightsPath: file,
    bytes: size,
    prompts,
    pooling,
    folder: { optionalJson: async () => undefined },
    async hashes(signal) {
      const hash = createHash('sha256')
      await pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), hash, { signal })
      return [hash.digest('hex')]
    },
  }
}

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { FileEntry, parseWeightsFile, readVerified, readWeights } from '../weight-files.js'

/** The weights that this package brings. */
export const BUILTIN_IMAGE_WEIGHTS = fileURLToPath(new URL('../../../weights/builtin-image/', import.meta.url))

/** What the training side says of its files: the part of `manifest.json` that the server reads. */
const Manifest = z.object({
  files: z.object({ 'image.onnx': FileEntry, 'text.onnx': FileEntry, 'canary.json': FileEntry }),
  dimension: z.int().positive(),
  /** Pixels of a side of the square that pictures are squashed to. */
  side: z.int().positive(),
  text: z.object({
    /** Identity of the text engine whose vectors the text tower was trained on. */
    identity: z.string().length(64),
    textType: z.enum(['query', 'document']),
  }),
})
export type Manifest = z.output<typeof Manifest>

/** Pictures and their names, with the first components of their vectors, by which a running model proves itself. */
const Canary = z.object({
  tolerance: z.object({ cosine: z.number() }),
  cases: z
    .array(
      z.object({
        /** Pixels. */
        width: z.int().positive(),
        /** Pixels. */
        height: z.int().positive(),
        /** Bytes R G B, rows from the top, in base64. */
        rgb: z.base64(),
        d64: z.array(z.number()),
        /** Each is nearer to this picture than to the others. */
        names: z.array(z.object({ text: z.string(), d64: z.array(z.number()) })).min(1),
      }),
    )
    .min(2),
})
export type Canary = z.output<typeof Canary>

export interface ImageWeights {
  manifest: Manifest
  canary: Canary
  imagePath: string
  textPath: string
}

/**
 * Read a folder of weights, every byte held against the manifest's hashes.
 *
 * @throws {WeightsError} naming the file and what is wrong with it.
 */
export async function loadImageWeights(folder: string): Promise<ImageWeights> {
  const manifest = await loadImageManifest(folder)
  const { files } = manifest
  const [canary] = await Promise.all([
    readVerified(folder, 'canary.json', files['canary.json']),
    readVerified(folder, 'image.onnx', files['image.onnx']),
    readVerified(folder, 'text.onnx', files['text.onnx']),
  ])
  return {
    manifest,
    canary: parseWeightsFile('canary.json', Canary, canary),
    imagePath: join(folder, 'image.onnx'),
    textPath: join(folder, 'text.onnx'),
  }
}

/** What a folder of weights promises, nothing verified yet. @throws {WeightsError} */
export async function loadImageManifest(folder: string): Promise<Manifest> {
  return parseWeightsFile('manifest.json', Manifest, await readWeights(folder, 'manifest.json'))
}

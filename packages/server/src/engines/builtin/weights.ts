import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { FileEntry, parseWeightsFile, readVerified, readWeights } from '../weight-files.js'
import type { TermWeights } from './term-weights.js'
import { Tokenizer } from './tokenizer.js'

const folderOf = (name: string) => fileURLToPath(new URL(`../../../weights/${name}/`, import.meta.url))

/** The weights of the model that is always there. */
export const BUILTIN_WEIGHTS = folderOf('builtin-text')
/** Those of the one with twice the layers. */
export const BUILTIN_LARGE_WEIGHTS = folderOf('builtin-text-large')

/** What the training side says of its files: the part of `manifest.json` that the server reads. */
const Manifest = z.object({
  files: z.object({ 'model.onnx': FileEntry, 'tokenizer.json': FileEntry }),
  output: z.object({ shape: z.tuple([z.literal('batch'), z.int().positive()]) }),
  special: z.object({ bos: z.int(), pad: z.int(), eos: z.int(), unk: z.int() }),
  prompts: z.object({
    query: z.object({ text: z.string(), ids: z.array(z.int()) }),
    document: z.object({ text: z.string(), ids: z.array(z.int()) }),
  }),
  chunks: z.object({ tokens: z.int().positive() }),
})
export type Manifest = z.output<typeof Manifest>

/** A text and the first components of its vectors, by which a running model proves itself. */
const Canary = z.object({
  tolerance: z.object({ cosine: z.number() }),
  cases: z.array(z.object({ text: z.string(), type: z.enum(['query', 'document']), d64: z.array(z.number()) })).min(1),
})
export type Canary = z.output<typeof Canary>

/** How the sparse side weighs terms; see `term-weights.ts`. */
const Terms = z.object({
  saturation: z.object({ constant: z.number().nonnegative(), exponent: z.number().nonnegative() }),
  rare: z.object({ word: z.number().positive(), pair: z.number().positive() }),
  files: z.object({
    'terms.f32': FileEntry,
    'terms.u32': FileEntry,
    'compounds.f32': FileEntry,
    'compounds.u32': FileEntry,
  }),
})

export interface Weights {
  manifest: Manifest
  folder: string
  modelPath: string
  tokenizer: Tokenizer
  canary: Canary
  terms: TermWeights
  /** Hash over `terms.json`, which names the hashes of the tables. */
  termsSha256: string
}

/**
 * Read a folder of weights, every byte held against the manifest's hashes.
 *
 * @throws {WeightsError} naming the file and what is wrong with it.
 */
export async function loadWeights(folder: string): Promise<Weights> {
  const manifest = await loadManifest(folder)
  const canary = parseWeightsFile('canary.json', Canary, await readWeights(folder, 'canary.json'))
  const termsFile = await readWeights(folder, 'terms.json')
  const terms = parseWeightsFile('terms.json', Terms, termsFile)
  const [tokenizer, , pieces, canonical, compoundWeights, compoundIndices] = await Promise.all([
    loadTokenizer(folder, manifest),
    readVerified(folder, 'model.onnx', manifest.files['model.onnx']),
    readVerified(folder, 'terms.f32', terms.files['terms.f32']),
    readVerified(folder, 'terms.u32', terms.files['terms.u32']),
    readVerified(folder, 'compounds.f32', terms.files['compounds.f32']),
    readVerified(folder, 'compounds.u32', terms.files['compounds.u32']),
  ])
  return {
    manifest,
    canary,
    folder,
    modelPath: join(folder, 'model.onnx'),
    tokenizer,
    terms: {
      saturation: terms.saturation,
      rare: terms.rare,
      canonical: toUint32(canonical),
      pieces: toFloat32(pieces),
      compounds: { indices: toUint32(compoundIndices), weights: toFloat32(compoundWeights) },
    },
    termsSha256: createHash('sha256').update(termsFile).digest('hex'),
  }
}

/** The tokenizer of a folder of weights. @throws {WeightsError} */
export async function loadTokenizer(folder: string, known?: Manifest): Promise<Tokenizer> {
  const { files, special } = known ?? (await loadManifest(folder))
  const file = await readVerified(folder, 'tokenizer.json', files['tokenizer.json'])
  return new Tokenizer(JSON.parse(file.toString()), new Set(Object.values(special)))
}

/** What a folder of weights promises, nothing verified yet. @throws {WeightsError} */
export async function loadManifest(folder: string): Promise<Manifest> {
  return parseWeightsFile('manifest.json', Manifest, await readWeights(folder, 'manifest.json'))
}

/** Little-endian float32 values, whatever this machine's byte order. */
function toFloat32(bytes: Buffer): Float32Array {
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}

/** Little-endian unsigned 32-bit integers. */
function toUint32(bytes: Buffer): Uint32Array {
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(i * 4))
}

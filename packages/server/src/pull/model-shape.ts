import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { GgufError, type GgufMetadata, readGguf } from './gguf.js'
import { PullError } from './pull-error.js'
import { type EngineKind, FAMILIES, type Family, type Towers } from './pulled-model.js'

/** What a model's own files say of its vectors and its sequences. */
export interface ModelShape {
  /** Components of a vector. */
  dimension: number
  /** Longest sequence, special tokens included. */
  maxTokens: number
}

const count = z.int().positive().optional().catch(undefined)
const Config = z.object({
  model_type: z.string().optional(),
  hidden_size: count,
  d_model: count,
  dim: count,
  max_position_embeddings: count,
})
const TowersConfig = z.object({
  model_type: z.string().optional(),
  projection_dim: count,
  text_config: z.object({ max_position_embeddings: count }).optional(),
  vision_config: z.object({ hidden_size: count }).optional(),
})
const USUAL_SHAPES: Readonly<Record<Family, Partial<ModelShape>>> = {
  clip: { maxTokens: 77 },
  chinese_clip: { maxTokens: 512 },
  siglip: { dimension: 768, maxTokens: 64 },
  jina_clip: {},
}
const Pooling = z.object({ word_embedding_dimension: count })
const Dense = z.object({ out_features: count })
const SentenceConfig = z.object({ max_seq_length: count })
const TokenizerConfig = z.object({ model_max_length: z.number().optional().catch(undefined) })
/** Tokenizers without a limit of their own say 10³⁰. */
const MOST_TOKENS = 1e7

/** Positions of these begin behind the padding index, which is 1: 514 are 512 tokens. */
const OFFSET_POSITIONS = new Set(['roberta', 'xlm-roberta', 'camembert', 'mpnet'])

export interface ShapeOptions {
  engine: EngineKind
  weights: string
  paths: readonly string[]
  /** Of a model of texts and pictures. */
  towers?: Towers | undefined
  /** What a curated entry says: of a repository of several models the files cannot. */
  curated?: ModelShape | undefined
}

/**
 * Read the shape of a model: for ONNX from its last dense layer, pooling and configuration; for GGUF from its header.
 *
 * @throws {PullError} when the files do not say it: such a model can't be listed, nor a request held against it.
 */
export async function readShape(
  folder: string,
  { engine, weights, paths, towers, curated }: ShapeOptions,
): Promise<ModelShape> {
  const found =
    engine === 'llama-cpp'
      ? await ggufShape(join(folder, weights))
      : towers === undefined
        ? await onnxShape(folder, paths)
        : await towersShape(folder, towers)
  const { dimension, maxTokens } = { ...found, ...curated }
  if (dimension === undefined || maxTokens === undefined) {
    const missing = dimension === undefined ? 'how many components its vectors have' : 'how long its sequences may be'
    throw new PullError(
      `the model's files do not say ${missing}; --settings-from org/repo takes them from its original.`,
    )
  }
  return { dimension, maxTokens }
}

async function onnxShape(folder: string, paths: readonly string[]): Promise<Partial<ModelShape>> {
  const config = await readJson(folder, 'config.json', Config)
  const find = (pattern: RegExp) =>
    paths
      .filter((path) => pattern.test(path))
      .sort()
      .pop()
  const dense = await readJson(folder, find(/^\d+_Dense\/config\.json$/), Dense)
  const pooling = await readJson(folder, find(/^\d+_Pooling\/config\.json$/), Pooling)
  const sentence = await readJson(folder, find(/^sentence_[\w-]+_config\.json$/), SentenceConfig)
  const tokenizer = await readJson(folder, 'tokenizer_config.json', TokenizerConfig)
  const positions = config?.max_position_embeddings
  const offset = OFFSET_POSITIONS.has(config?.model_type ?? '') ? 2 : 0
  return withoutUndefined({
    dimension:
      dense?.out_features ?? pooling?.word_embedding_dimension ?? config?.hidden_size ?? config?.d_model ?? config?.dim,
    maxTokens: least([sentence?.max_seq_length, positions && positions - offset, tokenizer?.model_max_length]),
  })
}

/** Of a model of texts and pictures. What an architecture leaves out of its file when it is as usual: transformers' defaults. */
async function towersShape(folder: string, { facts = {} }: Towers): Promise<Partial<ModelShape>> {
  const config = await readJson(folder, 'config.json', TowersConfig)
  const family = facts.family ?? FAMILIES.find((name) => name === config?.model_type)
  if (family === undefined) {
    throw new PullError(
      `config.json: model_type: ${config?.model_type ?? 'nothing'} is not implemented for texts and pictures; ${FAMILIES.join(', ')} are.`,
    )
  }
  const { text_config: text, vision_config: vision, projection_dim: projection } = config ?? {}
  const usual = USUAL_SHAPES[family]
  return withoutUndefined({
    dimension: projection ?? (family === 'siglip' ? (vision?.hidden_size ?? usual.dimension) : undefined),
    maxTokens: facts.captionTokens ?? text?.max_position_embeddings ?? usual.maxTokens,
  })
}

function least(limits: readonly (number | undefined)[]): number | undefined {
  const known = limits.filter((limit) => limit !== undefined).filter((limit) => limit > 0 && limit < MOST_TOKENS)
  return known.length === 0 ? undefined : Math.floor(Math.min(...known))
}

async function ggufShape(path: string): Promise<Partial<ModelShape>> {
  const read = (metadata: GgufMetadata) => {
    const find = (key: string) => {
      const value = metadata.get(`${metadata.get('general.architecture')}.${key}`)
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
    }
    return withoutUndefined({ dimension: find('embedding_length'), maxTokens: find('context_length') })
  }
  try {
    return read(await readGguf(path, { isEnough: (found) => Object.keys(read(found)).length === 2 }))
  } catch (error) {
    if (!(error instanceof GgufError)) throw error
    throw new PullError(`the weights cannot be used: ${error.message}`, { cause: error })
  }
}

async function readJson<Schema extends z.ZodType>(
  folder: string,
  path: string | undefined,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  if (path === undefined) return undefined
  const text = await readFile(join(folder, path), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new PullError(`${path} cannot be understood.`, { cause: error })
  }
}

function withoutUndefined(shape: { [Key in keyof ModelShape]: number | undefined }): Partial<ModelShape> {
  return {
    ...(shape.dimension === undefined ? {} : { dimension: shape.dimension }),
    ...(shape.maxTokens === undefined ? {} : { maxTokens: shape.maxTokens }),
  }
}

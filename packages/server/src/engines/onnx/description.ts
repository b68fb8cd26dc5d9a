import { z } from 'zod'
import type { Prompts } from '../../pull/pulled-model.js'
import { ModelError, type ModelFolder } from '../pulled/model-folder.js'

/** How the tokens' states become one vector. */
export type Pooling = 'cls' | 'mean' | 'mean_sqrt_len' | 'weightedmean' | 'max' | 'lasttoken'

/** A linear layer after the pooling, where its weights lie and what follows it. */
export interface DenseLayer {
  path: string
  inputs: number
  outputs: number
  activation: 'identity' | 'tanh' | 'relu'
}

/** What a model's files say of the way from a text to its vector. */
export interface Description {
  /** Undefined: the files do not say, so the graph has to do it itself. */
  pooling: Pooling | undefined
  /** Whether the prompt's tokens are pooled as well. */
  isPromptPooled: boolean
  dense: readonly DenseLayer[]
  /** Tokens that the network takes at most, prompt and special tokens included. */
  maxTokens: number
  prompts: Prompts
  isLowercased: boolean
  /** Ids that stand for nothing in sparse vectors. */
  configuredIds: { pad: number | undefined; eos: number | undefined }
}

const Config = z.looseObject({
  model_type: z.string(),
  max_position_embeddings: z.int().positive().optional(),
  n_positions: z.int().positive().optional(),
  max_trained_positions: z.int().positive().optional(),
  pad_token_id: z.int().nullish(),
  eos_token_id: z.union([z.int(), z.array(z.int())]).nullish(),
})
const Modules = z.array(z.object({ path: z.string(), type: z.string() }))
const PoolingConfig = z.looseObject({ include_prompt: z.boolean().default(true) })
const DenseConfig = z.object({
  in_features: z.int().positive(),
  out_features: z.int().positive(),
  bias: z.boolean(),
  activation_function: z.string(),
})
const SentenceConfig = z.object({
  max_seq_length: z.int().positive().nullish(),
  do_lower_case: z.boolean().default(false),
})
const TransformersConfig = z.object({
  prompts: z.record(z.string(), z.string()).nullish(),
  default_prompt_name: z.string().nullish(),
})
const TokenizerConfig = z.object({ model_max_length: z.number().positive().optional() })

const MODES: Readonly<Record<string, Pooling>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_max_tokens: 'max',
  pooling_mode_lasttoken: 'lasttoken',
}
const ACTIVATIONS: Readonly<Record<string, DenseLayer['activation']>> = {
  'torch.nn.modules.linear.Identity': 'identity',
  'torch.nn.modules.activation.Tanh': 'tanh',
  'torch.nn.modules.activation.ReLU': 'relu',
}
/** Architectures whose tables of positions begin after the padding id. */
const OFFSET_POSITIONS = new Set(['roberta', 'xlm-roberta', 'xlm-roberta-xl', 'camembert', 'mpnet', 'longformer'])
/** Where the task stands in a prompt of Qwen3-Embedding and its like, which say no template. */
const TASK = /^(Instruct: )[\s\S]*(\nQuery: ?)$/
const QUERY_NAMES = ['query', 'search_query', 'retrieval_query', 's2p_query']
const DOCUMENT_NAMES = ['document', 'passage', 'corpus', 'search_document', 'retrieval_document']

/**
 * Read what the files of a sentence-transformers model say. What is said and not implemented is an error: a vector made
 * another way would look right and mean something else.
 *
 * @throws {ModelError} naming file and field.
 */
export async function describe(folder: ModelFolder): Promise<Description> {
  const config = await folder.json('config.json', Config)
  const sentence = await folder.optionalJson('sentence_bert_config.json', SentenceConfig)
  const modules = (await folder.optionalJson('modules.json', Modules)) ?? []
  const kinds = modules.map((module) => ({ kind: module.type.split('.').at(-1) ?? '', path: module.path }))
  const pooling = kinds.find(({ kind }) => kind === 'Pooling')
  const { mode, isPromptPooled } = await describePooling(folder, pooling?.path)
  const dense: DenseLayer[] = []
  for (const { kind, path } of kinds) {
    if (kind === 'Dense') dense.push(await describeDense(folder, path))
    else if (!['Transformer', 'Pooling', 'Normalize'].includes(kind)) {
      throw new ModelError(`modules.json: a module of type ${kind} is not implemented.`)
    }
  }
  const { eos_token_id: eos } = config
  return {
    pooling: mode,
    isPromptPooled,
    dense,
    maxTokens: await readMaxTokens(folder, config, sentence?.max_seq_length ?? undefined),
    prompts: await readPrompts(folder),
    isLowercased: sentence?.do_lower_case ?? false,
    configuredIds: { pad: config.pad_token_id ?? undefined, eos: (Array.isArray(eos) ? eos[0] : eos) ?? undefined },
  }
}

async function describePooling(
  folder: ModelFolder,
  module: string | undefined,
): Promise<{ mode: Pooling | undefined; isPromptPooled: boolean }> {
  const path = `${module ?? '1_Pooling'}/config.json`
  if (module === undefined && !folder.has(path)) return { mode: undefined, isPromptPooled: true }
  const { include_prompt: isPromptPooled, ...file } = await folder.json(path, PoolingConfig)
  const named = z.string().safeParse(file.pooling_mode).data
  const chosen =
    named === undefined
      ? Object.entries(file).filter(([field, value]) => field.startsWith('pooling_mode_') && value === true)
      : [[`pooling_mode_${named}`, true] as const]
  const [[field] = ['']] = chosen
  if (chosen.length !== 1) {
    const names = chosen.map(([name]) => name).join(' and ') || 'no pooling_mode'
    throw new ModelError(`${path}: ${names} is set; exactly one is implemented.`)
  }
  const mode = MODES[field] ?? MODES[`${field}_token`] ?? MODES[`${field}_tokens`]
  if (mode === undefined) throw new ModelError(`${path}: ${field} is not implemented.`)
  return { mode, isPromptPooled }
}

async function describeDense(folder: ModelFolder, module: string): Promise<DenseLayer> {
  const config = await folder.json(`${module}/config.json`, DenseConfig)
  const activation = ACTIVATIONS[config.activation_function]
  if (activation === undefined) {
    throw new ModelError(
      `${module}/config.json: activation_function: ${config.activation_function} is not implemented.`,
    )
  }
  const path = `${module}/model.safetensors`
  if (!folder.has(path))
    throw new ModelError(`${path} is missing; weights of a dense layer are read from safetensors only.`)
  return { path, inputs: config.in_features, outputs: config.out_features, activation }
}

async function readMaxTokens(
  folder: ModelFolder,
  config: z.output<typeof Config>,
  sequence: number | undefined,
): Promise<number> {
  const tokenizer = await folder.optionalJson('tokenizer_config.json', TokenizerConfig)
  const table = config.max_trained_positions ?? config.max_position_embeddings ?? config.n_positions
  const offset = OFFSET_POSITIONS.has(config.model_type) ? (config.pad_token_id ?? 1) + 1 : 0
  const limits = [sequence, table === undefined ? undefined : table - offset, tokenizer?.model_max_length]
  const maxTokens = Math.min(...limits.filter((limit) => limit !== undefined))
  // Tokenizers without a limit of their own say 10³⁰.
  if (!(maxTokens > 0 && maxTokens < 1e7)) throw new ModelError('config.json: max_position_embeddings is missing.')
  return maxTokens
}

async function readPrompts(folder: ModelFolder): Promise<Prompts> {
  if (folder.prompts !== undefined) return folder.prompts
  const path = 'config_sentence_transformers.json'
  const config = await folder.optionalJson(path, TransformersConfig)
  const prompts = config?.prompts ?? {}
  const fallback = config?.default_prompt_name ?? undefined
  if (fallback !== undefined && prompts[fallback] === undefined) {
    throw new ModelError(`${path}: default_prompt_name: there is no prompt ${fallback}.`)
  }
  const find = (names: readonly string[]) => {
    const name = names.find((one) => prompts[one] !== undefined) ?? fallback
    return (name === undefined ? undefined : prompts[name]) ?? ''
  }
  const query = find(QUERY_NAMES)
  const instruct = query.replace(TASK, '$1{task}$2')
  return { query, document: find(DOCUMENT_NAMES), ...(instruct !== query && { instruct }) }
}

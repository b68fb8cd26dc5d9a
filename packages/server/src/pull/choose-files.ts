import { PullError } from './pull-error.js'
import type { EngineKind } from './pulled-model.js'

/** What is wanted of a repository; absent: the engine that it has weights for, and that engine's usual variant. */
export interface Wanted {
  engine?: EngineKind
  variant?: string
  /** Files that no rule takes and the engine needs. */
  also?: readonly string[]
}

export interface ChosenFiles {
  engine: EngineKind
  variant: string
  weights: string
  /** Weights, their parts and external data. */
  weightFiles: readonly string[]
}

interface WeightsFile {
  variant: string
  path: string
}

/**
 * Tokenizer, settings, pooling and dense layers of a sentence-transformers or transformers repository, and its terms.
 * Nothing that is code or a pickle (`*.py`, `*.bin`, `*.pt`, `*.pkl`): those could do anything when they are loaded.
 */
const SETTINGS = [
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|config|modules)\.json$/,
  /^(config_sentence_transformers|sentence_[\w-]+_config)\.json$/,
  /^\d+_\w+\/config\.json$/,
  /^\d+_Dense\/model\.safetensors$/,
  /^sparse_linear\.safetensors$/,
  /^quiver-golden\.json$/,
  /^(LICENSE|NOTICE|USE_POLICY)(\.\w+)?$/i,
]

/** fp32 is the model itself; of the GGUF variants Q8_0 is the usual one, at half of f16 and hardly a difference. */
const USUAL_VARIANTS: Readonly<Record<EngineKind, readonly string[]>> = {
  onnx: ['fp32'],
  'llama-cpp': ['q8_0', 'f16', 'bf16', 'f32'],
}

/** The files of tokenizer, settings and terms among these paths. */
export function chooseSettings(paths: readonly string[]): string[] {
  return paths.filter((path) => SETTINGS.some((pattern) => pattern.test(path)))
}

/**
 * Choose one weights file, with all that belongs to it.
 *
 * ONNX: `onnx/model.onnx` is fp32, `onnx/model_<variant>.onnx` another, both also at the top; with `<weights>_data…`, where
 * models above 2 GB keep their numbers. GGUF: `…-<variant>.gguf`, or all of `…-<variant>-00001-of-00003.gguf`.
 *
 * @param paths every path of the repository.
 * @throws {PullError} when there is no such weights file, with those that there are.
 */
export function chooseFiles(paths: readonly string[], { engine, variant, also = [] }: Wanted): ChosenFiles {
  const offered = { onnx: onnxWeights(paths), 'llama-cpp': ggufWeights(paths) }
  const kind = engine ?? (offered.onnx.length > 0 ? 'onnx' : 'llama-cpp')
  const candidates = offered[kind]
  if (candidates.length === 0) throw new PullError(noWeights(paths, engine))
  const found = pick(candidates, kind, variant)
  if (found === undefined) {
    const there = [...new Set(candidates.map((candidate) => candidate.variant))].join(', ')
    const wanted = variant === undefined ? 'several variants' : `no variant ${variant}`
    throw new PullError(`it has ${wanted} for ${kind}; choose with --variant: ${there}.`)
  }
  const parts = kind === 'onnx' ? externalDataOf(found.path, paths) : shardsOf(found.path, paths)
  const missing = also.filter((path) => !paths.includes(path))
  if (missing.length > 0) throw new PullError(`it has no ${missing.join(', ')}, which this model needs.`)
  const weightFiles = [...new Set([found.path, ...parts, ...also])]
  return { engine: kind, variant: found.variant, weights: found.path, weightFiles }
}

function pick(candidates: readonly WeightsFile[], kind: EngineKind, variant?: string): WeightsFile | undefined {
  const find = (name: string) => candidates.find((file) => file.variant.toLowerCase() === name.toLowerCase())
  if (variant !== undefined) return find(variant)
  for (const usual of USUAL_VARIANTS[kind]) {
    const found = find(usual)
    if (found !== undefined) return found
  }
  return candidates.length === 1 ? candidates[0] : undefined
}

/** Those in `onnx/` first: where both are, that is the exporter's own place. */
function onnxWeights(paths: readonly string[]): WeightsFile[] {
  return paths
    .map((path) => ({ path, match: /^(?:onnx\/)?model(?:_([\w-]+))?\.onnx$/.exec(path) }))
    .filter(({ match }) => match !== null)
    .map(({ path, match }) => ({ path, variant: match?.[1] ?? 'fp32' }))
    .sort((a, b) => Number(b.path.startsWith('onnx/')) - Number(a.path.startsWith('onnx/')))
}

function ggufWeights(paths: readonly string[]): WeightsFile[] {
  return paths
    .map((path) => ({ path, match: /^(?:[^/]*\/)?(.+?)(-00001-of-\d{5})?\.gguf$/i.exec(path) }))
    .filter(({ path, match }) => match !== null && (match[2] !== undefined || !/-\d{5}-of-\d{5}\.gguf$/i.test(path)))
    .map(({ path, match }) => ({ path, variant: ggufVariant(match?.[1] ?? '') }))
}

/** `Qwen3-Embedding-0.6B-Q8_0` → `Q8_0`. A name that says nothing of its arithmetic is a variant of that name. */
function ggufVariant(name: string): string {
  return /[-.]((?:I?Q\d\w*)|BF16|F16|F32|MXFP4)$/i.exec(name)?.[1] ?? name
}

function externalDataOf(weights: string, paths: readonly string[]): string[] {
  const beside = [`${weights}_data`, `${weights}.data`]
  return paths.filter((path) => beside.some((name) => path === name || path.startsWith(`${name}_`)))
}

function shardsOf(first: string, paths: readonly string[]): string[] {
  const stem = /^(.*)-00001-of-(\d{5})\.gguf$/i.exec(first)
  if (stem === null) return []
  const shards = paths.filter((path) => path.startsWith(`${stem[1]}-`) && path.endsWith(`-of-${stem[2]}.gguf`))
  if (shards.length !== Number(stem[2])) {
    throw new PullError(`${first} has ${Number(stem[2])} parts, but ${shards.length} are there.`)
  }
  return shards
}

function noWeights(paths: readonly string[], engine?: EngineKind): string {
  const wanted = engine === undefined ? 'neither ONNX nor GGUF weights' : `no weights for ${engine}`
  const isPyTorch = paths.some((path) => /\.(safetensors|bin|pt)$/.test(path))
  const hint = isPyTorch ? '; PyTorch weights have to be exported first, or look for a repository …-ONNX or …-GGUF' : ''
  return `it has ${wanted}${hint}.`
}

import { PullError } from './pull-error.js'
import type { EngineKind, Towers } from './pulled-model.js'

/** What is wanted of a repository; absent: the engine that it has weights for, and that engine's usual variant. */
export interface Wanted {
  engine?: EngineKind
  variant?: string
  /** Of a model of texts and pictures: the folder of its graphs and of what it does to a picture. */
  folder?: string
  /** Files that no rule takes and the engine needs. */
  also?: readonly string[]
}

export interface ChosenFiles {
  engine: EngineKind
  variant: string
  weights: string
  /** Weights, their parts and external data. */
  weightFiles: readonly string[]
  /** Of a model of texts and pictures. */
  towers?: Pick<Towers, 'text' | 'picture' | 'preprocessor'>
}

interface WeightsFile {
  variant: string
  path: string
}

/**
 * Tokenizer, settings, pooling, dense layers and preparation of pictures of a sentence-transformers or transformers repository, and its terms.
 * Nothing that is code or a pickle (`*.py`, `*.bin`, `*.pt`, `*.pkl`): those could do anything when they are loaded.
 */
const SETTINGS = [
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|config|preprocessor_config|modules)\.json$/,
  /^(config_sentence_transformers|sentence_[\w-]+_config)\.json$/,
  /^\d+_\w+\/config\.json$/,
  /^\d+_Dense\/model\.safetensors$/,
  /^sparse_linear\.safetensors$/,
  /^quiver-golden\.json$/,
  /^(LICENSE|NOTICE|USE_POLICY)(\.\w+)?$/i,
]

/** What a model of texts and pictures does to a picture. */
const PREPROCESSOR = 'preprocessor_config.json'

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
 * Choose one weights file, with all that belongs to it; of a model of texts and pictures the graphs of both.
 *
 * ONNX: `onnx/model.onnx` is fp32, `onnx/model_<variant>.onnx` another, both also at the top; with `<weights>_data…`, where
 * models above 2 GB keep their numbers. A repository that says in `preprocessor_config.json` what is done to a picture is
 * one of texts and pictures: `text_model….onnx` and `vision_model….onnx`, or `model….onnx` that has both. GGUF: `…-<variant>.gguf`, or all of `…-<variant>-00001-of-00003.gguf`.
 *
 * @param paths every path of the repository.
 * @throws {PullError} when there is no such weights file, with those that there are.
 */
export function chooseFiles(paths: readonly string[], wanted: Wanted): ChosenFiles {
  const { engine, variant, also = [] } = wanted
  const towers = engine === 'llama-cpp' ? undefined : chooseTowers(paths, wanted)
  if (towers !== undefined) return towers
  const offered = { onnx: onnxWeights(paths), 'llama-cpp': ggufWeights(paths) }
  const kind = engine ?? (offered.onnx.length > 0 ? 'onnx' : 'llama-cpp')
  const candidates = offered[kind]
  if (candidates.length === 0) throw new PullError(noWeights(paths, engine))
  const found = pick(candidates, kind, variant)
  if (found === undefined) throw noVariant(candidates, kind, variant)
  const parts = kind === 'onnx' ? externalDataOf(found.path, paths) : shardsOf(found.path, paths)
  checkThere(paths, also)
  const weightFiles = [...new Set([found.path, ...parts, ...also])]
  return { engine: kind, variant: found.variant, weights: found.path, weightFiles }
}

/** Both graphs in one variant, or one graph of both where there are none for each. Undefined for models of texts only. */
function chooseTowers(paths: readonly string[], { variant, folder, also = [] }: Wanted): ChosenFiles | undefined {
  const preprocessor = (folder === undefined ? [PREPROCESSOR] : [`${folder}/${PREPROCESSOR}`, PREPROCESSOR]).find(
    (path) => paths.includes(path),
  )
  if (preprocessor === undefined) return undefined
  const graphs = (stem: string) =>
    (folder === undefined ? ['onnx/', ''] : [`${folder}/`]).flatMap((place) => graphsIn(paths, place, stem))
  const pictures = graphs('vision_model')
  const pairs = graphs('text_model').flatMap((text) =>
    pictures.filter((picture) => picture.variant === text.variant).map((picture) => ({ ...picture, text: text.path })),
  )
  const candidates = pairs.length > 0 ? pairs : graphs('model').map((graph) => ({ ...graph, text: graph.path }))
  if (candidates.length === 0) return undefined
  const found = pick(candidates, 'onnx', variant)
  if (found === undefined) throw noVariant(candidates, 'onnx', variant)
  checkThere(paths, also)
  const weights = [...new Set([found.text, found.path])]
  return {
    engine: 'onnx',
    variant: found.variant,
    weights: found.path,
    weightFiles: [...new Set([...weights.flatMap((graph) => [graph, ...externalDataOf(graph, paths)]), ...also])],
    towers: { text: found.text, picture: found.path, preprocessor },
  }
}

function graphsIn(paths: readonly string[], place: string, stem: string): WeightsFile[] {
  const file = new RegExp(`^${stem}(?:_([\\w-]+))?\\.onnx$`)
  return paths
    .filter((path) => path.startsWith(place))
    .map((path) => ({ path, match: file.exec(path.slice(place.length)) }))
    .filter(({ match }) => match !== null)
    .map(({ path, match }) => ({ path, variant: match?.[1] ?? 'fp32' }))
}

function checkThere(paths: readonly string[], needed: readonly string[]): void {
  const missing = needed.filter((path) => !paths.includes(path))
  if (missing.length > 0) throw new PullError(`it has no ${missing.join(', ')}, which this model needs.`)
}

function noVariant(candidates: readonly WeightsFile[], kind: EngineKind, variant: string | undefined): PullError {
  const there = [...new Set(candidates.map((candidate) => candidate.variant))].join(', ')
  const wanted = variant === undefined ? 'several variants' : `no variant ${variant}`
  return new PullError(`it has ${wanted} for ${kind}; choose with --variant: ${there}.`)
}

function pick<File extends WeightsFile>(
  candidates: readonly File[],
  kind: EngineKind,
  variant?: string,
): File | undefined {
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
  return ['onnx/', ''].flatMap((place) => graphsIn(paths, place, 'model'))
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

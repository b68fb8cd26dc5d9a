import { createHash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { totalmem } from 'node:os'
import { ApiError, type SparseTerm } from '@quiver/protocol'
import { ChildRunner, MemoryExceeded } from '../child/child-runner.js'
import { chunk } from '../chunk.js'
import type {
  Batching,
  Engine,
  Network,
  Pass,
  PreparedText,
  PrepareOptions,
  RawEmbedding,
  SparseSide,
  TokenInspector,
} from '../engine.js'
import { proveItself } from '../pulled/canary.js'
import { ModelError, ModelFolder } from '../pulled/model-folder.js'
import { joinPrompt, promptFor } from '../pulled/prompt.js'
import { type LoadedTokenizer, loadTokenizer } from '../tokenizers/load-tokenizer.js'
import type { OffloadedTokenizer } from '../tokenizers/offloaded-tokenizer.js'
import { type Tokenizer, TokenizerError } from '../tokenizers/tokenizer.js'
import type { Accelerator } from './accelerator.js'
import type { ChildJob, ChildResult, ChildSetup, GraphReport } from './child-protocol.js'
import { type Description, describe } from './description.js'
import { groupByLength } from './group-by-length.js'
import { loadDense, loadSparseHead } from './parts.js'
import { roundsByRun } from './rounds-by-run.js'

export interface OnnxEngineOptions {
  /** A pulled model: `quiver-model.json` and the files that it names. */
  folder: string
  /** Of the network; more than there are cores gains nothing. */
  threads: number
  /** Resident memory of the model's process above which it is ended and started anew; default by the weights. */
  memoryLimitBytes?: number
  /** Computes in bfloat16 instead of the file's own number format, at a cosine of 0.9999 and more to it. */
  accelerator?: Accelerator | undefined
  /** A run that takes longer ends the process. */
  jobTimeoutMs?: number
  /** Tokens of one pass at most, whatever the model takes: attention needs memory with their square. */
  maxPassTokens?: number
  /** Whether it proves itself before it serves. Random weights, on which speed is measured, cannot. */
  isProven?: boolean
  signal: AbortSignal
}

const JOB_TIMEOUT_MS = 300_000
const MAX_PASS_TOKENS = 8_192
/** Padded tokens of one run: on a processor, company gains up to some 400 and loses from there on (benchmarks/results/onnx.md). */
const MAX_PADDED_TOKENS = 384
const MAX_PASSES = 64
/** Calls under way: the next one is on its way while one runs. */
const CONCURRENCY = 2
/** Beside the weights, which are there about twice once the graph is optimised; or half of the machine, if that is more. */
const MEMORY_BESIDE_WEIGHTS = 4 * 2 ** 30
/** The memory of a run grows with its longest pass; above this one it is given back after each run. */
const MAX_KEPT_TOKENS = 1_024
const WARM_UP = [16, 64, 256]

// Under Vitest this file runs as TypeScript; a process needs the compiled one, which `npm test` builds first.
const CHILD_PATH = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/onnx/child.js' : './child.js',
  import.meta.url,
)

type Runner = ChildRunner<ChildSetup, GraphReport, ChildJob, ChildResult>

/**
 * Start a pulled model: read its files, load it in a process of its own, and let it prove itself.
 *
 * @throws {ModelError} naming the file and the field that is missing, damaged or not implemented.
 */
export async function startOnnxEngine(options: OnnxEngineOptions): Promise<Engine> {
  const { signal } = options
  const folder = await ModelFolder.open(options.folder, 'onnx')
  const description = await describe(folder)
  const loaded = await readOwnTokenizer(folder)
  const sparse = await loadSparseHead(folder)
  const passTokens = Math.min(description.maxTokens, options.maxPassTokens ?? MAX_PASS_TOKENS)
  const setup: ChildSetup = {
    weightsPath: folder.weightsPath,
    pooling: description.pooling,
    isPromptPooled: description.isPromptPooled,
    dense: await loadDense(folder, description),
    sparse: sparse === undefined ? undefined : { weight: sparse.weight, bias: sparse.bias },
    threads: options.threads,
    padId: description.configuredIds.pad ?? 0,
    openvino: options.accelerator,
    isMemoryKept: passTokens <= MAX_KEPT_TOKENS,
    warmUp: WARM_UP,
  }
  const isAlone = await roundsByRun(folder.weightsPath)
  const verified = folder.verify(folder.weightFiles, signal)
  verified.catch(() => {}) // it may fail while the model loads, and is asked only after that
  const weightBytes = folder.sizeOf(folder.weightFiles)
  try {
    const { runner, report } = await ChildRunner.start<ChildSetup, GraphReport, ChildJob, ChildResult>({
      name: folder.name,
      path: CHILD_PATH,
      setup,
      memoryLimitBytes:
        options.memoryLimitBytes ?? Math.max(3 * weightBytes + MEMORY_BESIDE_WEIGHTS, machineBytes() / 2),
      jobTimeoutMs: options.jobTimeoutMs ?? JOB_TIMEOUT_MS,
      signal,
    }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw new ModelError(`${folder.weights}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    })
    const engine = new OnnxEngine({
      folder,
      description,
      ...loaded,
      runner,
      report,
      sparsePath: sparse?.path,
      passTokens,
      isAlone,
    })
    try {
      await verified
      if (options.isProven !== false) {
        await proveItself(engine, folder, { isRounded: options.accelerator !== undefined, signal })
      }
    } catch (error) {
      await engine.close()
      throw error
    }
    return engine
  } catch (error) {
    await verified // a damaged file explains why it could not be loaded
    throw error
  }
}

/** A window of a text with what stands around it. */
interface OnnxPass extends Pass {
  ids: Int32Array
  /** Leading tokens that are special or prompt. */
  promptLength: number
}

interface Parts extends LoadedTokenizer {
  folder: ModelFolder
  description: Description
  runner: Runner
  report: GraphReport
  sparsePath: string | undefined
  /** Tokens of a pass, with all that stands around the text. */
  passTokens: number
  /** Whether a text's vector would depend on those that are computed with it. */
  isAlone: boolean
}

/** An open model in a child process. */
class OnnxEngine implements Engine {
  readonly id: string
  readonly identity: string
  readonly dimension: number
  readonly window: number
  readonly batching: Batching
  readonly network: Network
  readonly inspector?: TokenInspector
  readonly sparse?: SparseSide
  readonly #description: Description
  readonly #tokenizer: Tokenizer
  readonly #offloaded: OffloadedTokenizer
  readonly #runner: Runner
  /** Tokens of a pass, with all that stands around the text. */
  readonly #passTokens: number
  readonly #prompts = new Map<string, number>()
  /** Ids whose weights say nothing: those of every text. */
  readonly #silent: ReadonlySet<number>
  /** Tokens of the shortest pass that took more memory than the process may have. */
  #tooManyTokens = Number.POSITIVE_INFINITY

  constructor({ folder, description, tokenizer, offloaded, runner, report, sparsePath, passTokens, isAlone }: Parts) {
    this.id = folder.name
    this.batching = {
      maxPaddedTokens: isAlone ? 0 : MAX_PADDED_TOKENS,
      maxPasses: isAlone ? 1 : MAX_PASSES,
      concurrency: CONCURRENCY,
    }
    this.#description = description
    this.#tokenizer = tokenizer
    this.#offloaded = offloaded
    this.#runner = runner
    this.#passTokens = passTokens
    this.dimension = report.dimension
    this.window = Math.min(...(['query', 'document'] as const).map((type) => this.#windowOf(description.prompts[type])))
    const { prompts } = description
    const hashes = folder.weightFiles.map((path) => folder.sha256Of(path))
    const dense = description.dense.map(({ path, activation }) => [folder.sha256Of(path), activation])
    const { pooling, isPromptPooled, isLowercased } = description
    const way = [
      pooling ?? report.output,
      isPromptPooled,
      isLowercased,
      dense,
      prompts,
      this.#passTokens,
      report.arithmetic,
    ]
    this.identity = hashOf([hashes, folder.sha256Of('tokenizer.json'), way])
    if (report.isSparse) {
      const head = sparsePath === undefined ? [] : [folder.sha256Of(sparsePath)]
      this.sparse = { identity: hashOf([hashes, folder.sha256Of('tokenizer.json'), way, 'sparse', ...head]) }
    }
    this.network = { format: 'onnx', bytes: folder.bytes, arithmetic: report.arithmetic, pooling: pooling ?? 'model' }
    this.#silent = new Set(tokenizer.special.keys())
    if (!tokenizer.hasPlaces) return
    this.inspector = {
      vocabulary: tokenizer.vocabulary,
      special: tokenizer.special,
      frame: tokenizer.frame,
      prompts,
      tokenize: (text, maxTokens) => this.#offloaded.tokenize(this.#spelled(text), { maxTokens }),
      locate: (text, maxTokens) => this.#offloaded.locate(this.#spelled(text), maxTokens),
      tokenText: (id) => tokenizer.tokenText(id),
      decode: (ids) => tokenizer.decode(ids),
    }
  }

  get isUp(): boolean {
    return this.#runner.isUp
  }

  async prepare(text: string, { textType, instruct, maxTokens, keep, signal }: PrepareOptions): Promise<PreparedText> {
    const prompt = promptFor(this.#description.prompts, textType, instruct)
    const window = this.#windowOf(prompt)
    if (window < 1) {
      throw new ApiError(
        'invalid_parameter',
        `instruct leaves no room for a text: the model takes ${this.#passTokens} tokens.`,
        {
          param: 'instruct',
        },
      )
    }
    const spelled = this.#spelled(text)
    const { ids, isOverLimit } = await this.#offloaded.tokenize(spelled, { maxTokens, keep, signal })
    const isFromStart = !isOverLimit || keep === 'start'
    const windows = ids.length === 0 ? [] : chunk(ids, window)
    return {
      tokens: ids.length,
      isOverLimit,
      passes: windows.map((part, i) => this.#pass(prompt, part, isFromStart && i === 0 ? spelled : undefined)),
    }
  }

  async embed(passes: readonly Pass[], { signal }: { signal: AbortSignal }): Promise<RawEmbedding[]> {
    const own = passes as readonly OnnxPass[] // from `prepare` of this engine, as the interface asks
    const embeddings = new Array<RawEmbedding>(own.length)
    const groups = groupByLength(
      own.map(({ ids }) => ids.length),
      this.batching.maxPaddedTokens,
    )
    if (groups.length > 1) setMaxListeners(0, signal) // one for each run
    await Promise.all(
      groups.map(async (group) => {
        const members = group.map((index) => own[index] as OnnxPass) // indices into passes
        const result = await this.#run(members, signal)
        this.#split(members, result).forEach((embedding, i) => {
          embeddings[group[i] as number] = embedding // one for each member
        })
      }),
    )
    return embeddings
  }

  async close(): Promise<void> {
    await Promise.all([this.#runner.close(), this.#offloaded.close()])
  }

  /**
   * One run. A long pass needs memory with the square of its tokens; how much, its graph knows alone. One that took more than
   * there is ends the process, once: such a text, and each that is as long, is refused, and no other is harmed.
   */
  async #run(passes: readonly OnnxPass[], signal: AbortSignal): Promise<ChildResult> {
    const longest = Math.max(...passes.map(({ tokens }) => tokens))
    if (longest >= this.#tooManyTokens) throw this.#needsMemory(longest)
    try {
      return await this.#runner.run(
        {
          ids: concatenate(passes.map(({ ids }) => ids)),
          lengths: Int32Array.from(passes, ({ ids }) => ids.length),
          promptLengths: Int32Array.from(passes, ({ promptLength }) => promptLength),
        },
        { signal },
      )
    } catch (error) {
      const reason = error instanceof ApiError && error.cause instanceof Error ? error.cause.cause : undefined
      if (longest <= MAX_KEPT_TOKENS || !(reason instanceof MemoryExceeded)) throw error
      this.#tooManyTokens = Math.min(this.#tooManyTokens, longest)
      throw this.#needsMemory(longest)
    }
  }

  #needsMemory(tokens: number): ApiError {
    return new ApiError(
      'invalid_parameter',
      `A text of ${tokens} tokens needs more memory than the model ${this.id} may take on this server; one of ${this.#tooManyTokens} did already. Send shorter texts.`,
    )
  }

  /** Tokens of text that fit into a pass behind this prompt. */
  #windowOf(prompt: string): number {
    const { before, after } = this.#tokenizer.frame
    let tokens = this.#prompts.get(prompt)
    if (tokens === undefined) {
      tokens = this.#tokenizer.tokenize(prompt, this.#passTokens).ids.length
      // Instructions are the callers', without number.
      if (this.#prompts.size < 100) this.#prompts.set(prompt, tokens)
    }
    return this.#passTokens - before.length - tokens - after.length
  }

  #spelled(text: string): string {
    return this.#description.isLowercased ? text.toLowerCase() : text
  }

  /** @param text of whose start these are the ids; undefined for a later window. */
  #pass(prompt: string, ids: Int32Array, text: string | undefined): OnnxPass {
    const { before, after } = this.#tokenizer.frame
    const joint = joinPrompt(prompt, text ?? '', (part) => this.#tokenizer.tokenize(part, Number.MAX_SAFE_INTEGER).ids)
    const whole = Int32Array.from([...before, ...joint.ids, ...ids.subarray(joint.replaced), ...after])
    return {
      ids: whole,
      tokens: whole.length,
      textTokens: ids.length,
      promptLength: before.length + joint.promptLength,
    }
  }

  #split(passes: readonly OnnxPass[], { dense, weights }: ChildResult): RawEmbedding[] {
    let token = 0
    return passes.map(({ ids }, i) => {
      const own = dense.slice(i * this.dimension, (i + 1) * this.dimension)
      const sparse = weights === undefined ? undefined : this.#terms(ids, weights.subarray(token, token + ids.length))
      token += ids.length
      return sparse === undefined ? { dense: own } : { dense: own, sparse }
    })
  }

  /** The largest weight of each token that is none of the special ones, as bge-m3's authors compute it. */
  #terms(ids: Int32Array, weights: Float32Array): SparseTerm[] {
    const largest = new Map<number, number>()
    ids.forEach((id, i) => {
      const weight = weights[i] ?? 0
      if (weight > (largest.get(id) ?? 0) && !this.#silent.has(id)) largest.set(id, weight)
    })
    return [...largest]
      .sort(([a], [b]) => a - b)
      .map(([index, value]) => ({ index, value, token: this.#tokenizer.tokenText(index) }))
  }
}

async function readOwnTokenizer(folder: ModelFolder): Promise<LoadedTokenizer> {
  const bytes = await folder.bytesOf('tokenizer.json')
  try {
    return await loadTokenizer(bytes)
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error
    throw new ModelError(`tokenizer.json: ${error.message}`, { cause: error })
  }
}

/** Memory of the machine, or of what this process may have of it. */
function machineBytes(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let place = 0
  for (const part of parts) {
    whole.set(part, place)
    place += part.length
  }
  return whole
}

function hashOf(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

import { createHash } from 'node:crypto'
import { ApiError } from '@quiver/protocol'
import { ChildRunner } from '../child/child-runner.js'
import { chunk } from '../chunk.js'
import type {
  Batching,
  Engine,
  Network,
  Pass,
  PreparedText,
  PrepareOptions,
  RawEmbedding,
  TokenInspector,
} from '../engine.js'
import { installedFolder, platformOf } from '../on-demand.js'
import { proveItself } from '../pulled/canary.js'
import { ModelError } from '../pulled/model-folder.js'
import { promptFor } from '../pulled/prompt.js'
import type { LlamaJob, LlamaReport, LlamaResult, LlamaSetup, TokenizeJob, TokenizeResult } from './child-protocol.js'
import { type Description, describe, dimensionOf } from './description.js'
import { GgufError } from './gguf.js'
import { createInspector } from './inspector.js'
import { openSource, type Source, type SourceOptions } from './source.js'

/** Where `quiver engines add` puts it, and what `quiver-model.json` calls it. */
export const LLAMA_CPP = 'llama-cpp'

export type LlamaCppEngineOptions = SourceOptions & {
  /** In which llama.cpp is installed: `quiver engines add llama-cpp`. */
  home: string
  threads: number
  signal: AbortSignal
  /** Tokens of a text that one pass takes; longer texts are cut into windows. Memory grows with it. */
  windowTokens?: number
  /** Resident memory of the process above which it is ended and started anew; default by the weights. */
  memoryLimitBytes?: number
  /** A pass, or a text to tokenise, that takes longer ends the process. */
  jobTimeoutMs?: number
  /** Whether it proves itself before it serves. Random weights, on which speed is measured, cannot. */
  isProven?: boolean
}

const WINDOW_TOKENS = 8_192
/** Room for a prompt beside a full window. */
const PROMPT_TOKENS = 256
/** Of the scores that llama.cpp keeps for every word of the vocabulary and every token of a pass that is not divisible. */
const MAX_SCORE_BYTES = 2 ** 31
const JOB_TIMEOUT_MS = 600_000
/** Beside the weights, which are there twice where kernels want them in another order. */
const MEMORY_BESIDE_WEIGHTS = 4 * 2 ** 30

// Under Vitest this file runs as TypeScript; a process needs the compiled one, which `npm test` builds first.
const CHILD_PATH = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/llama-cpp/child.js' : './child.js',
  import.meta.url,
)

type Runner = ChildRunner<LlamaSetup, LlamaReport, LlamaJob, LlamaResult>

/**
 * Start a GGUF model: read its header, load it in a process of its own, hold its files against their hashes, and let it
 * prove itself.
 *
 * @throws {ModelError} naming the file and the key that is missing, damaged or not implemented.
 * @throws {EngineMissingError} when llama.cpp was never installed in this home.
 */
export async function startLlamaCppEngine(options: LlamaCppEngineOptions): Promise<Engine> {
  const { signal } = options
  const source = await openSource(options)
  const description = await ofFile(source, () => describe(source.weightsPath, source.pooling))
  const engineFolder = await installedFolder(options.home, LLAMA_CPP)
  const { windowTokens = WINDOW_TOKENS } = options
  const passTokens = passTokensOf(description, windowTokens)
  const { architecture, poolingType, frame, isDivisible } = description
  const hashing = source.hashes(signal)
  hashing.catch(() => {}) // awaited below; when the process does not start, nobody asks for them
  const { runner } = await ChildRunner.start<LlamaSetup, LlamaReport, LlamaJob, LlamaResult>({
    name: source.name,
    path: CHILD_PATH,
    setup: {
      engineFolder,
      modelPath: source.weightsPath,
      architecture,
      poolingType,
      frame,
      threads: options.threads,
      passTokens,
      isDivisible,
      gpu: platformOf(LLAMA_CPP).gpu ?? false,
    },
    memoryLimitBytes: options.memoryLimitBytes ?? 3 * source.bytes + MEMORY_BESIDE_WEIGHTS,
    jobTimeoutMs: options.jobTimeoutMs ?? JOB_TIMEOUT_MS,
    signal,
  })
  try {
    const hashes = await hashing
    const engine = await LlamaCppEngine.open({ source, description, hashes, runner, passTokens, windowTokens, signal })
    if (options.isProven !== false) await proveItself(engine, source.folder, { isRounded: false, signal })
    return engine
  } catch (error) {
    await runner.close()
    throw error
  }
}

/** Components of a model's vectors, without starting it. @throws {ModelError} */
export async function llamaCppDimension(options: SourceOptions): Promise<number> {
  const source = await openSource(options)
  return ofFile(source, () => dimensionOf(source.weightsPath))
}

/** What reads a header says what is wrong with it, but not of which model it is. */
async function ofFile<Value>(source: Source, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof GgufError)) throw error
    throw new ModelError(`${source.name}: ${error.message}`, { cause: error })
  }
}

/** Tokens of one pass at most, prompt and special tokens included. */
function passTokensOf({ contextTokens, isDivisible, vocabulary }: Description, windowTokens: number): number {
  const wanted = Math.min(contextTokens, windowTokens + PROMPT_TOKENS)
  return isDivisible ? wanted : Math.min(wanted, Math.floor(MAX_SCORE_BYTES / (4 * vocabulary.length)))
}

/** A window of a text with what stands around it. */
interface LlamaPass extends Pass {
  ids: Int32Array
}

interface Parts {
  source: Source
  description: Description
  hashes: readonly string[]
  runner: Runner
  passTokens: number
  windowTokens: number
  signal: AbortSignal
}

/** A GGUF model in a child process. One pass at a time: the binding has no other way. */
class LlamaCppEngine implements Engine {
  readonly id: string
  readonly identity: string
  readonly dimension: number
  readonly batching: Batching
  readonly network: Network
  readonly inspector?: TokenInspector
  readonly window: number
  readonly #source: Source
  readonly #description: Description
  readonly #runner: Runner
  readonly #passTokens: number

  private constructor(parts: Parts, promptTokens: number) {
    const { source, description, hashes, runner, passTokens, windowTokens } = parts
    const { pooling, frame, isNfc, dimension, arithmetic } = description
    this.id = source.name
    this.#source = source
    this.#description = description
    this.#runner = runner
    this.#passTokens = passTokens
    this.dimension = dimension
    this.window = Math.min(windowTokens, this.#windowOf(promptTokens))
    // Two on their way, so that the process never waits for the pipe.
    this.batching = { maxPaddedTokens: passTokens, maxPasses: 1, concurrency: 2 }
    this.identity = createHash('sha256')
      .update(JSON.stringify([hashes, source.prompts, pooling, frame, isNfc, this.window]))
      .digest('hex')
    this.network = { format: 'gguf', bytes: source.bytes, arithmetic, pooling }
    const inspector = createInspector(description, source.prompts, (text, maxTokens) => this.#idsOf(text, maxTokens))
    if (inspector !== undefined) this.inspector = inspector
  }

  static async open(parts: Parts): Promise<LlamaCppEngine> {
    const { source, runner, passTokens, description, signal } = parts
    const counts = await Promise.all(
      [source.prompts.query, source.prompts.document].map(async (prompt) => {
        const job: TokenizeJob = { kind: 'tokenize', text: '', prompt, maxTokens: 1, keep: 'start' }
        const { promptIds } = (await runner.run(job, { signal, lane: 'tokenize' })) as TokenizeResult // by its kind
        return promptIds.length
      }),
    )
    const engine = new LlamaCppEngine(parts, Math.max(...counts))
    if (engine.window < 1) {
      const { before, after } = description.frame
      throw new ModelError(
        `${source.name}: the prompt and special tokens are ${Math.max(...counts) + before.length + after.length} tokens; a pass takes ${passTokens}.`,
      )
    }
    return engine
  }

  get isUp(): boolean {
    return this.#runner.isUp
  }

  async prepare(text: string, { textType, instruct, maxTokens, keep, signal }: PrepareOptions): Promise<PreparedText> {
    signal.throwIfAborted()
    // White space alone says nothing; some vocabularies have tokens for it.
    if (text.trim() === '') return { tokens: 0, isOverLimit: false, passes: [] }
    const prompt = promptFor(this.#source.prompts, textType, instruct)
    const job: TokenizeJob = { kind: 'tokenize', text: this.#spelled(text), prompt, maxTokens, keep }
    const { ids, isOverLimit, promptIds, joint } = await this.#tokenize(job, signal)
    const window = Math.min(this.window, this.#windowOf(promptIds.length))
    if (window < 1) {
      const message = `instruct has ${promptIds.length} tokens with its frame and leaves no room for a text: a pass takes ${this.#passTokens}.`
      throw new ApiError('invalid_parameter', message, { param: 'instruct' })
    }
    const isFromStart = !isOverLimit || keep === 'start'
    const windows = ids.length === 0 ? [] : chunk(ids, window)
    return {
      tokens: ids.length,
      isOverLimit,
      passes: windows.map((part, i) => {
        const isJoined = isFromStart && i === 0
        return this.#pass(isJoined ? joint.ids : promptIds, part, isJoined ? joint.replaced : 0)
      }),
    }
  }

  async embed(passes: readonly Pass[], { signal }: { signal: AbortSignal }): Promise<RawEmbedding[]> {
    const own = passes as readonly LlamaPass[] // from `prepare` of this engine, as the interface asks
    return Promise.all(
      own.map(async ({ ids }) => {
        const dense = await this.#runner.run({ kind: 'embed', ids }, { signal, lane: 'embed' })
        return { dense: dense as Float32Array } // the answer to a job of this kind
      }),
    )
  }

  close(): Promise<void> {
    return this.#runner.close()
  }

  async #tokenize(job: TokenizeJob, signal: AbortSignal): Promise<TokenizeResult> {
    return (await this.#runner.run(job, { signal, lane: 'tokenize' })) as TokenizeResult // the answer to a job of this kind
  }

  async #idsOf(text: string, maxTokens: number): Promise<{ ids: Int32Array; isOverLimit: boolean }> {
    if (text.trim() === '') return { ids: new Int32Array(0), isOverLimit: false }
    const job: TokenizeJob = { kind: 'tokenize', text: this.#spelled(text), prompt: '', maxTokens, keep: 'start' }
    return this.#tokenize(job, NEVER)
  }

  /** Tokens of text that fit into a pass beside a prompt of so many. */
  #windowOf(promptTokens: number): number {
    const { before, after } = this.#description.frame
    return this.#passTokens - before.length - promptTokens - after.length
  }

  #spelled(text: string): string {
    return this.#description.isNfc ? text.normalize('NFC') : text
  }

  #pass(prompt: ArrayLike<number>, part: Int32Array, replaced: number): LlamaPass {
    const { before, after } = this.#description.frame
    const ids = Int32Array.from([...before, ...Array.from(prompt), ...part.subarray(replaced), ...after])
    return { ids, tokens: ids.length, textTokens: part.length }
  }
}

const NEVER = new AbortController().signal

import { createHash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Picture } from '../../media/picture.js'
import { ChildRunner } from '../child/child-runner.js'
import type { CaptionTokens, MultimodalEngine } from '../multimodal-engine.js'
import type { Accelerator } from '../onnx/accelerator.js'
import { ModelError, ModelFolder } from '../pulled/model-folder.js'
import { type LoadedTokenizer, readTokenizer } from '../tokenizers/load-tokenizer.js'
import type { OffloadedTokenizer } from '../tokenizers/offloaded-tokenizer.js'
import { type Tokenizer, TokenizerError } from '../tokenizers/tokenizer.js'
import type { ChildJob, ChildResult, ChildSetup, TowersReport } from './child-protocol.js'
import { type CaptionRule, type Description, describe } from './description.js'
import { proveItself } from './self-test.js'

export interface OnnxMultimodalEngineOptions {
  /** A pulled model of texts and pictures: `quiver-model.json` and the files that it names. */
  folder: string
  /** Of the networks; more than there are cores gains nothing. */
  threads: number
  /** Computes in bfloat16 instead of the files' own number format; not for graphs that have both networks. */
  accelerator?: Accelerator | undefined
  /** Resident memory of the model's process above which it is ended and started anew; default by the weights. */
  memoryLimitBytes?: number
  /** A run that takes longer ends the process. */
  jobTimeoutMs?: number
  signal: AbortSignal
}

const JOB_TIMEOUT_MS = 300_000
/** Tokens of one run: on a processor, company gains up to some 400 and loses from there on (benchmarks/results/onnx.md). */
const MAX_RUN_TOKENS = 384
/**
 * Of the few tokens that such a model takes, none but the first characters matter; some of its tokenizers take long for a
 * word of thousands of letters. No text has tokens as long as this on average.
 */
const MOST_CHARACTERS_A_TOKEN = 16
/** Beside the weights, which are there about twice once the graphs are optimised, and once more while one is cut in two. */
const MEMORY_BESIDE_WEIGHTS = 4 * 2 ** 30
// Under Vitest this file runs as TypeScript; a process needs the compiled one, which `npm test` builds first.
const CHILD_PATH = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/engines/onnx-multimodal/child.js' : './child.js',
  import.meta.url,
)

type Runner = ChildRunner<ChildSetup, TowersReport, ChildJob, ChildResult>

/**
 * Start a pulled model of texts and pictures: read its files, load it in a process of its own, and let it prove itself.
 *
 * @throws {ModelError} naming the file and the field that is missing, damaged or not implemented.
 */
export async function startOnnxMultimodalEngine(options: OnnxMultimodalEngineOptions): Promise<MultimodalEngine> {
  const { signal } = options
  const folder = await ModelFolder.open(options.folder, 'onnx')
  const { towers, ...description } = await describe(folder)
  const { captions, outputs, preprocessing } = description
  const { tokenizer, offloaded } = await readOwnTokenizer(folder, captions)
  checkRoom(tokenizer, captions)
  const setup: ChildSetup = {
    text: folder.pathOf(towers.text),
    picture: folder.pathOf(towers.picture),
    outputs,
    preprocessing,
    filledTo: captions.padId === undefined ? undefined : captions.maxTokens,
    padId: captions.padId ?? tokenizer.frame.after[0] ?? 0,
    threads: options.threads,
    openvino: options.accelerator,
  }
  const verified = folder.verify([...folder.weightFiles, 'tokenizer.json'], signal)
  verified.catch(() => {}) // it may fail while the model loads, and is asked only after that
  const weightBytes = folder.sizeOf(folder.weightFiles)
  try {
    const { runner, report } = await ChildRunner.start<ChildSetup, TowersReport, ChildJob, ChildResult>({
      name: folder.name,
      path: CHILD_PATH,
      setup,
      memoryLimitBytes: options.memoryLimitBytes ?? 3 * weightBytes + MEMORY_BESIDE_WEIGHTS,
      jobTimeoutMs: options.jobTimeoutMs ?? JOB_TIMEOUT_MS,
      signal,
    }).catch((error: unknown) => {
      signal.throwIfAborted()
      const graphs = [...new Set([towers.text, towers.picture])].join(', ')
      throw new ModelError(`${graphs}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    })
    const engine = new OnnxMultimodalEngine({ folder, description, tokenizer, offloaded, runner, report })
    try {
      await verified
      await proveItself(engine, folder, { isRounded: options.accelerator !== undefined, signal })
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

interface Parts extends LoadedTokenizer {
  folder: ModelFolder
  description: Description
  runner: Runner
  report: TowersReport
}

/** An open model of texts and pictures in a child process. */
class OnnxMultimodalEngine implements MultimodalEngine {
  readonly id: string
  readonly identity: string
  readonly dimension: number
  readonly isMatryoshka: boolean
  readonly #captions: CaptionRule
  readonly #tokenizer: Tokenizer
  readonly #offloaded: OffloadedTokenizer
  readonly #runner: Runner
  readonly #runTokens: number

  constructor({ folder, description, tokenizer, offloaded, runner, report }: Parts) {
    this.id = folder.name
    this.dimension = report.dimension
    this.isMatryoshka = description.isMatryoshka
    this.#captions = description.captions
    this.#tokenizer = tokenizer
    this.#offloaded = offloaded
    this.#runner = runner
    this.#runTokens = report.isAlone ? 0 : MAX_RUN_TOKENS
    const hashes = [...folder.weightFiles, 'tokenizer.json'].map((path) => folder.sha256Of(path))
    const { captions, preprocessing } = description
    const { textOutput, pictureOutput, arithmetic } = report
    this.identity = createHash('sha256')
      .update(JSON.stringify([hashes, captions, preprocessing, textOutput, pictureOutput, arithmetic]))
      .digest('hex')
  }

  get isUp(): boolean {
    return this.#runner.isUp
  }

  async tokenize(
    text: string,
    { maxTokens, signal }: { maxTokens: number; signal: AbortSignal },
  ): Promise<CaptionTokens> {
    const most = Math.min(maxTokens, roomIn(this.#tokenizer, this.#captions))
    const head = headOf(text, most * MOST_CHARACTERS_A_TOKEN)
    const { ids, isOverLimit } = await this.#offloaded.tokenize(head, { maxTokens: most, signal })
    return { ids, isCut: isOverLimit || head.length < text.length }
  }

  async embedTexts(texts: readonly CaptionTokens[], { signal }: { signal: AbortSignal }): Promise<Float32Array[]> {
    const sequences = texts.map(({ ids }) => this.#sequence(ids))
    const vectors = new Array<Float32Array>(texts.length)
    setMaxListeners(0, signal) // one for each run
    await Promise.all(
      groupsOfOneLength(sequences, this.#runTokens).map(async (group) => {
        const members = group.map((index) => sequences[index] as Int32Array) // indices into sequences
        const length = members[0]?.length ?? 0
        const ids = new Int32Array(members.length * length)
        for (const [row, member] of members.entries()) ids.set(member, row * length)
        const result = await this.#runner.run({ kind: 'texts', ids, length }, { signal, lane: 'texts' })
        for (const [row, index] of group.entries()) vectors[index] = this.#row(result, row)
      }),
    )
    return vectors
  }

  /** One run a picture: a network of pictures gains nothing by company, and a broken one harms no other. */
  embedPictures(pictures: readonly Picture[], { signal }: { signal: AbortSignal }): Promise<Float32Array[]> {
    setMaxListeners(0, signal) // one for each run
    return Promise.all(
      pictures.map(async (picture) => {
        const { width, height, rgb } = picture
        const job: ChildJob = { kind: 'picture', picture: { width, height, rgb } }
        return this.#row(await this.#runner.run(job, { signal, lane: 'pictures' }), 0)
      }),
    )
  }

  async close(): Promise<void> {
    await Promise.all([this.#runner.close(), this.#offloaded.close()])
  }

  /** A text's tokens with what stands around them, filled up where the model was trained so. */
  #sequence(ids: Int32Array): Int32Array {
    const { before, after } = this.#tokenizer.frame
    const { padId, maxTokens } = this.#captions
    const framed = [...before, ...ids, ...after]
    if (padId === undefined) return Int32Array.from(framed)
    const sequence = new Int32Array(maxTokens).fill(padId)
    sequence.set(framed)
    return sequence
  }

  #row({ vectors }: ChildResult, row: number): Float32Array {
    return vectors.slice(row * this.dimension, (row + 1) * this.dimension)
  }
}

/** Indices of sequences that are computed together: of one length, so that none is changed by another's. */
function groupsOfOneLength(sequences: readonly Int32Array[], maxTokens: number): number[][] {
  const byLength = new Map<number, number[]>()
  for (const [index, { length }] of sequences.entries()) {
    byLength.set(length, [...(byLength.get(length) ?? []), index])
  }
  return [...byLength].flatMap(([length, indices]) => {
    const most = Math.max(1, Math.floor(maxTokens / Math.max(1, length)))
    return Array.from({ length: Math.ceil(indices.length / most) }, (_, i) => indices.slice(i * most, (i + 1) * most))
  })
}

/** The beginning of a text, up to so many characters that are no spaces. */
function headOf(text: string, most: number): string {
  if (text.length <= most) return text
  let left = most
  const word = /\S+/g
  for (let found = word.exec(text); found !== null; found = word.exec(text)) {
    if (found[0].length > left) return text.slice(0, found.index + left).toWellFormed()
    left -= found[0].length
  }
  return text
}

/** Tokens of a text that fit between those that stand around it. */
function roomIn({ frame }: Tokenizer, { maxTokens }: CaptionRule): number {
  return maxTokens - frame.before.length - frame.after.length
}

function checkRoom(tokenizer: Tokenizer, captions: CaptionRule): void {
  if (roomIn(tokenizer, captions) > 0) return
  throw new ModelError(`tokenizer.json: post_processor: leaves no room for a text in ${captions.maxTokens} tokens.`)
}

async function readOwnTokenizer(folder: ModelFolder, { isLowercased }: CaptionRule): Promise<LoadedTokenizer> {
  try {
    return await readTokenizer(folder.pathOf('tokenizer.json'), { isLowercased })
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error
    throw new ModelError(`tokenizer.json: ${error.message}`, { cause: error })
  }
}

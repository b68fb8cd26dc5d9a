import type { SparseTerm, TextType } from '@quiver/protocol'
import type { ServerLoad } from '../telemetry/metrics.js'

/** A text's tokens, without prompt and special tokens. */
export interface TokenizedText {
  /** Token ids; cut off at the limit that was asked for, if `isOverLimit`. */
  ids: Int32Array
  /** Whether the text has more tokens than the limit; the exact number is then not known. */
  isOverLimit: boolean
}

/** One forward pass: a text, or a window of one, as its engine made it. Opaque to all but that engine. */
export interface Pass {
  /** Tokens that the model sees, prompt and special tokens included: the unit of batch budgets. */
  readonly tokens: number
  /** Tokens of the text among them: the weight of this pass in the mean of a long text's windows. */
  readonly textTokens: number
}

/** A text as its engine made it ready. */
export interface PreparedText {
  /** Tokens of the text, without prompt and special tokens, after cutting: what is counted and charged. */
  readonly tokens: number
  /**
   * Whether `tokens` is an estimate, from an engine that cannot count for certain before it computes: the exact number
   * then comes with {@link RawEmbedding}, and the limit is held against that.
   */
  readonly isEstimate?: boolean
  /** Whether the text had more tokens than were allowed; the exact number is then not known. */
  readonly isOverLimit: boolean
  /** None for a text without tokens; more than one are the windows of a text longer than the model's. */
  readonly passes: readonly Pass[]
}

export interface PrepareOptions {
  textType: TextType
  /** Task description for queries; engines whose model has no place for one leave it out. */
  instruct?: string | undefined
  /** Tokens of the text that are kept. */
  maxTokens: number
  /** Which end of a text of more tokens is kept. */
  keep: 'start' | 'end'
  signal: AbortSignal
}

/** What came out of one pass. */
export interface RawEmbedding {
  /** Float32Array[engine.dimension], not normalised. */
  dense: Float32Array
  /** Ascending by index, every value above 0; from engines whose model has a sparse head. */
  sparse?: SparseTerm[]
  /** Tokens of the pass's text, as `prepare` would have told them; present where it could only estimate. */
  tokens?: number
}

/** How many passes go well together into one call of {@link Engine.embed}. */
export interface Batching {
  /** Longest pass × number of passes, at most; a single pass may have more. The sum of tokens where nothing is padded. */
  maxPaddedTokens: number
  /**
   * Whether a shorter pass costs as much as the longest of its call; default true. Where not, a call costs more than a
   * pass, and those that come in one turn of the event loop go together.
   */
  isPadded?: boolean
  maxPasses: number
  /** Calls under way at a time. */
  concurrency: number
}

/** Sparse vectors of a model. */
export interface SparseSide {
  /** Hash over tokenizer and term weights. 64 hex digits. */
  identity: string
  /**
   * From the tokens alone, with no forward pass; absent where sparse vectors come out of {@link Engine.embed}.
   * Ascending by index; every value is above 0, and values are not of unit length. The inner product of a query's and
   * a document's vector is the score, in [0, 1].
   */
  weighTerms?(text: PreparedText, textType: TextType): SparseTerm[]
}

/** A token and the stretch of its text that it stands for, in UTF-16 units: [start, end). */
export interface LocatedToken {
  id: number
  start: number
  end: number
}

/** A look into an engine's tokenizer. What can take long leaves the event loop free. */
export interface TokenInspector {
  /** Ids run from 0 to this, exclusive. */
  readonly vocabulary: number
  /** Tokens that no text yields, by id, with their names: `<s>`. */
  readonly special: ReadonlyMap<number, string>
  /** Special ids that the engine puts before and after each text. */
  readonly frame: { before: readonly number[]; after: readonly number[] }
  /** What the engine puts before a text of each use, as text. */
  readonly prompts: Readonly<Record<TextType, string>>
  /** Linear in the text's length; stops soon after `maxTokens`. */
  tokenize(text: string, maxTokens: number): Promise<TokenizedText>
  /** The tokens of `tokenize` with their places. Neighbours overlap where one character became several. */
  locate(text: string, maxTokens: number): Promise<{ tokens: LocatedToken[]; isOverLimit: boolean }>
  /** A token for people to read; a space at its start marks the beginning of a word. @throws {RangeError} */
  tokenText(id: number): string
  /** Ids → text; special tokens by their names. @throws {RangeError} for an id outside the vocabulary. */
  decode(ids: readonly number[]): string
}

/** What an engine computes with, for lists of models. */
export interface Network {
  /** Name of the file format. */
  format: string
  /** Of all its files. */
  bytes: number
  /** Number format of most weights. */
  arithmetic: string
  /** How the tokens' vectors become one. */
  pooling: string
}

/** One thing that an engine can prove of itself, and how it came out. */
export interface EngineCheck {
  name: string
  isGood: boolean
  /** What was measured and what is allowed, in words; no addresses, no texts. */
  detail: string
}

/**
 * Who computes. Texts in, raw vectors out, in two steps: `prepare` tells what a text costs, `embed` computes. Knows
 * nothing of callers, queues or of the dimension asked for; `embedding/batcher.ts` decides what is computed when.
 *
 * Every implementation runs `engine.suite.ts`.
 */
export interface Engine {
  /** Engine model id that catalog entries refer to. */
  readonly id: string
  /** Hash over everything that makes a vector what it is: weights, tokenizer, pooling, prompts. 64 hex digits. */
  readonly identity: string
  /** Components of the raw vector; any prefix of it is a valid shorter vector. */
  readonly dimension: number
  /** Tokens of text that one pass takes. */
  readonly window: number
  /** Whether it can compute now. */
  readonly isUp: boolean
  readonly batching: Batching
  /** Absent where the model has no sparse vectors. */
  readonly sparse?: SparseSide
  /** Absent where the tokenizer is somebody else's. */
  readonly inspector?: TokenInspector
  /** Absent where it runs at somebody else's. */
  readonly network?: Network
  /** How the servers stand where it runs at somebody else's. */
  readonly servers?: readonly ServerLoad[]

  /**
   * Tokenise, put the prompt in front, cut at `maxTokens`, cut into windows. Linear in the text's length; what takes
   * long leaves the event loop free.
   *
   * @throws the signal's reason when it is aborted.
   */
  prepare(text: string, options: PrepareOptions): Promise<PreparedText>

  /**
   * Compute passes that `prepare` of this engine made, within its `batching`.
   *
   * @returns one raw embedding a pass, in order.
   * @throws {ApiError} `engine_failed` when the computation of any of them broke: all of this call's are lost.
   * @throws the signal's reason when it is aborted; what has not begun is dropped.
   */
  embed(passes: readonly Pass[], options: { signal: AbortSignal }): Promise<RawEmbedding[]>

  /** Compute what is known of the model beforehand, now: its golden vectors, or what its servers have in common. */
  verify?(options: { signal: AbortSignal }): Promise<readonly EngineCheck[]>

  /** Ends processes and threads; calls under way are rejected. */
  close(): Promise<void>
}

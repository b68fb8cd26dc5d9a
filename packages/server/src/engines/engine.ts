import type { SparseTerm, TextType } from '@quiver/protocol'

/** A text as the serving model's tokenizer sees it, without prompt and special tokens. */
export interface TokenizedText {
  /** Token ids; cut off at the limit that was asked for, if `isOverLimit`. */
  ids: Int32Array
  /** Whether the text has more tokens than the limit; the exact number is then not known. */
  isOverLimit: boolean
}

/** One forward pass: at most `window` tokens of text and what they are used for. */
export interface TokenInput {
  ids: Int32Array
  textType: TextType
}

/** A token and the stretch of its text that it stands for, in UTF-16 units: [start, end). */
export interface LocatedToken {
  id: number
  start: number
  end: number
}

/** A look into an engine's tokenizer. */
export interface TokenInspector {
  /** Ids run from 0 to this, exclusive. */
  readonly vocabulary: number
  /** Tokens that no text yields, by id, with their names: `<s>`. */
  readonly special: ReadonlyMap<number, string>
  /** Special ids that the engine puts before and after each text. */
  readonly frame: { before: readonly number[]; after: readonly number[] }
  /** What the engine puts before a text of each use, as text. */
  readonly prompts: Readonly<Record<TextType, string>>
  /** The tokens of `tokenize` with their places. Neighbours overlap where one character became several. */
  locate(text: string, maxTokens: number): { tokens: LocatedToken[]; isOverLimit: boolean }
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

/**
 * Who computes. Token ids in, raw vectors out; knows nothing of callers or of the dimension asked for.
 *
 * Every implementation runs `engine.suite.ts`.
 */
export interface Engine {
  /** Engine model id that catalog entries refer to. */
  readonly id: string
  /** Hash over everything that makes a vector what it is: weights, tokenizer, pooling, prompts. 64 hex digits. */
  readonly identity: string
  /** Likewise for the sparse vectors: tokenizer and term weights. */
  readonly sparseIdentity: string
  /** Components of the raw vector; any prefix of it is a valid shorter vector. */
  readonly dimension: number
  /** Tokens of text that one pass takes. */
  readonly window: number
  /** Whether it can compute now. */
  readonly isUp: boolean
  /** Absent where the tokenizer is somebody else's. */
  readonly inspector?: TokenInspector
  /** Absent where it runs at somebody else's. */
  readonly network?: Network

  /** Linear in the text's length; stops soon after `maxTokens`. */
  tokenize(text: string, maxTokens: number): TokenizedText

  /** A token for people to read; a space at its start marks the beginning of a word. @throws {RangeError} */
  tokenText(id: number): string

  /**
   * @param options.signal one for each request: requests that wait take turns, whatever their length.
   * @returns Float32Array[dimension], finite, not yet normalised. The same input gives the same bits, whatever runs
   * beside it.
   * @throws {ApiError} `overloaded` when the queue is full, `engine_failed` when the computation broke.
   * @throws the signal's reason when it is aborted; work not yet begun is dropped.
   */
  embed(input: TokenInput, options: { signal: AbortSignal }): Promise<Float32Array>

  /**
   * Sparse vector of a text of any length, ascending by index; every value is above 0. Cheap: no forward pass.
   *
   * The inner product of a query's and a document's vector is the score, in [0, 1]. Values are not of unit length.
   */
  weighTerms(ids: Int32Array, textType: TextType): SparseTerm[]

  /** Ends workers; pending work is rejected. */
  close(): Promise<void>
}

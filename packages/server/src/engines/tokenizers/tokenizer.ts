import type { LocatedToken, TokenizedText } from '../engine.js'

/** Text → token ids of one vocabulary. */
export interface Tokenizer {
  /** Ids run from 0 to this, exclusive. */
  readonly vocabulary: number
  /** Tokens that no text yields, by id, with their names: a text that spells `</s>` is only text. */
  readonly special: ReadonlyMap<number, string>
  /** Special ids that the model expects before and after each text. */
  readonly frame: { before: readonly number[]; after: readonly number[] }
  /** Linear in the text's length; stops soon after `maxTokens`. Blocks; see `offloaded-tokenizer.ts` for long texts. */
  tokenize(text: string, maxTokens: number): TokenizedText
  /** Whether `locate` can be asked. */
  readonly hasPlaces: boolean
  /** The tokens of `tokenize` with their places. @throws {TypeError} where an algorithm does not tell them. */
  locate(text: string, maxTokens: number): { tokens: LocatedToken[]; isOverLimit: boolean }
  /** A token for people to read; a space at its start marks the beginning of a word. @throws {RangeError} */
  tokenText(id: number): string
  /** Ids → text; special tokens by their names. @throws {RangeError} for an id outside the vocabulary. */
  decode(ids: readonly number[]): string
}

/**
 * One algorithm, from normalisation to ids, for one stretch of a text (`stretches.ts`). Stretches do not influence each
 * other.
 */
export interface TokenModel {
  /** @param isStart whether the stretch begins the text. */
  encode(stretch: string, isStart: boolean, ids: number[]): void
  /** The tokens of `encode` with their places in the stretch. */
  locate(stretch: string, isStart: boolean): LocatedToken[]
  /** @throws {RangeError} for an id outside the vocabulary. */
  tokenText(id: number): string
  decode(ids: readonly number[]): string
}

/** A `tokenizer.json` asks for something that is not implemented; the message names the field. */
export class TokenizerError extends Error {
  override readonly name = 'TokenizerError'
}

import type { Picture } from '../media/picture.js'

/** A text as the engine's tokenizer made it ready. */
export interface CaptionTokens {
  ids: Int32Array
  /** Whether the text had more tokens than the model takes; the rest was cut. */
  isCut: boolean
}

/**
 * Who computes texts and pictures in one space. Knows nothing of URLs, videos, callers, or of the dimension asked for:
 * `multimodal/` fetches, decodes, samples, pads, fuses. Vectors come back raw (not normalised).
 *
 * Every implementation runs `multimodal-engine.suite.ts`.
 */
export interface MultimodalEngine {
  /** Engine model id that catalog entries refer to. */
  readonly id: string
  /** Hash over everything that makes a vector what it is: weights, tokenizer, preprocessing. 64 hex digits. */
  readonly identity: string
  /** Components of a raw vector. */
  readonly dimension: number
  /** Whether any prefix of a raw vector is a valid shorter vector (trained Matryoshka-wise). */
  readonly isMatryoshka: boolean
  /** Whether it can compute now. */
  readonly isUp: boolean

  /** Tokenise and cut at `maxTokens` or at what the model takes, whichever is less. Linear in the text's length. */
  tokenize(text: string, options: { maxTokens: number; signal: AbortSignal }): Promise<CaptionTokens>

  /** @returns Float32Array[dimension] each, in order. @throws {ApiError} `engine_failed`; the signal's reason. */
  embedTexts(texts: readonly CaptionTokens[], options: { signal: AbortSignal }): Promise<Float32Array[]>

  /** @returns Float32Array[dimension] each, in order. @throws {ApiError} `engine_failed`; the signal's reason. */
  embedPictures(pictures: readonly Picture[], options: { signal: AbortSignal }): Promise<Float32Array[]>

  /** Ends processes and threads; calls under way are rejected. */
  close(): Promise<void>
}

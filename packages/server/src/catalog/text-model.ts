import type { OutputType } from '@quiver/protocol'

/** What the public knows of a text embedding model, and which engine model serves it. */
export interface TextModel {
  id: string
  /** Engine model id; see `engines/`. */
  engine: string
  /** Dimensions offered, ascending. */
  dimensions: readonly number[]
  defaultDimension: number
  /** Whether a requested dimension is ignored, as the live service does for the models that have only one. */
  ignoresDimension: boolean
  /** Texts in one request. */
  maxInputs: number
  /** Tokens of one text, without prompts and special tokens. */
  maxInputTokens: number
  outputs: readonly OutputType[]
  /** Start of availability at the original service, Unix seconds; OpenAI's `created`. */
  createdAtSeconds: number
}

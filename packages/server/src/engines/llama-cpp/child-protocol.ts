import type { PromptJoint } from '../pulled/prompt.js'

/** What the process loads. */
export interface LlamaSetup {
  /** Folder of `quiver engines add llama-cpp`. */
  engineFolder: string
  modelPath: string
  architecture: string
  poolingType: number
  /** Special tokens around a pass. */
  frame: { before: readonly number[]; after: readonly number[] }
  threads: number
  /** Longest pass, all included. */
  passTokens: number
  isDivisible: boolean
  /** Where llama.cpp computes. */
  gpu: 'metal' | false
}

export interface LlamaReport {
  dimension: number
}

export interface TokenizeJob {
  kind: 'tokenize'
  text: string
  prompt: string
  maxTokens: number
  keep: 'start' | 'end'
}

export interface TokenizeResult {
  /** Of the text alone, cut. */
  ids: Int32Array
  isOverLimit: boolean
  /** The prompt alone. */
  promptIds: Int32Array
  /** How the beginning changes behind the prompt. */
  joint: PromptJoint
}

export interface EmbedJob {
  kind: 'embed'
  /** Frame and prompt included. */
  ids: Int32Array
}

export type LlamaJob = TokenizeJob | EmbedJob
export type LlamaResult = TokenizeResult | Float32Array

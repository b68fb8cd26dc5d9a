import type { Pooling } from './description.js'

/** What the child process is told to load. */
export interface ChildSetup {
  weightsPath: string
  /** Undefined: the graph pools. */
  pooling: Pooling | undefined
  isPromptPooled: boolean
  dense: readonly { weight: Float32Array; bias: Float32Array | undefined; activation: 'identity' | 'tanh' | 'relu' }[]
  /** Weights of a sparse head beside the graph: one logit a token. */
  sparse: { weight: Float32Array; bias: number } | undefined
  threads: number
  padId: number
  /** Compute with OpenVINO in bfloat16 instead of onnxruntime. */
  openvino: { libraries: string; version: string } | undefined
  /** Whether memory of the largest run is kept for the next one: faster by some percent. */
  isMemoryKept: boolean
  /** Lengths of the passes that are run once before it is ready. */
  warmUp: readonly number[]
}

/** Passes to compute in one run, one after the other in `ids`. */
export interface ChildJob {
  ids: Int32Array
  lengths: Int32Array
  /** Leading tokens of each pass that are prompt, special tokens before it included. */
  promptLengths: Int32Array
}

/** What the graph turned out to be. */
export interface GraphReport {
  dimension: number
  /** Whether one weight a token comes out as well. */
  isSparse: boolean
  /** Name of the output that is used, and whether it is pooled by the graph. */
  output: string
  isPooled: boolean
  /** Number format of the graph's interface. */
  arithmetic: string
}

/** What came out of a run. */
export interface ChildResult {
  /** All passes' vectors, one after the other. */
  dense: Float32Array
  /** All passes' token weights, one after the other as their ids; undefined without a sparse head. */
  weights: Float32Array | undefined
}

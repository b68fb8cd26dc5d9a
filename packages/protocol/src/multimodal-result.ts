import type { InputKind } from './multimodal-request.js'

/** The vector of one input, or of all inputs of a request together. */
export interface MultimodalEmbedding {
  /** Position in the answer, from 0. */
  index: number
  /** `fused` where the vector was made of several parts. */
  kind: InputKind | 'fused'
  /** Float32Array[dimension], of unit length. */
  dense: Float32Array
}

/** What was read. */
export interface MultimodalUsage {
  /** Of the texts, after cutting. */
  textTokens: number
  /** Of pictures and of the videos' frames, by the model's rule. */
  imageTokens: number
  /** Pictures that the request named; frames of videos are not among them. */
  imageCount: number
  /** Of the videos as a whole, not of their frames. A video that came as frames has none. */
  videoSeconds: number
}

/** The neutral answer that every dialect is encoded from. */
export interface MultimodalResult {
  /** Public model id as the caller wrote it. */
  model: string
  embeddings: MultimodalEmbedding[]
  usage: MultimodalUsage
  /** Positions of the inputs of whose text only the beginning was embedded, ascending. */
  truncated: number[]
  /** Fingerprint of the vector space; vectors of different spaces must never be compared. */
  space: string
}

/** One embedded input. */
export interface Embedding {
  /** Position in the request, from 0. */
  index: number
  /** Unit-length vector, Float32Array[dimension]. */
  dense: Float32Array
  /** Tokens of this input as the serving model's tokenizer counts them, without prompts and special tokens. */
  tokens: number
}

/** The neutral answer that every dialect is encoded from. Embeddings are in request order. */
export interface EmbedResult {
  /** Public model id as the caller wrote it. */
  model: string
  embeddings: Embedding[]
  /** Sum of the inputs' tokens. */
  totalTokens: number
  /** Fingerprint of the vector space; vectors of different spaces must never be compared. */
  space: string
}

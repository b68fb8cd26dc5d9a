/** One term of a sparse vector. */
export interface SparseTerm {
  /**
   * Token id in the serving model's vocabulary, or above all of them the number of a term that is more than one token: a
   * word, or a pair of characters.
   */
  index: number
  /** Weight, above 0. */
  value: number
  /** The term as text; a space at its start marks the beginning of a word. */
  token: string
}

/** One embedded input, with the vectors that were asked for. */
export interface Embedding {
  /** Position in the request, from 0. */
  index: number
  /** Unit-length vector, Float32Array[dimension]. */
  dense?: Float32Array
  /** Sparse vector as its non-zero terms, ascending by index; the others are 0. Not of unit length. */
  sparse?: SparseTerm[]
  /** Tokens of this input as the serving model's tokenizer counts them, without prompts and special tokens. */
  tokens: number
  /** Whether the input had more tokens than its model takes and was cut; `tokens` counts what was kept. */
  isTruncated?: true
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
  /** The same for sparse vectors, where the answer has any. */
  sparseSpace?: string
}

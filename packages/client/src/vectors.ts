/** Which vectors are wanted of each text. */
export type OutputType = 'dense' | 'sparse' | 'dense&sparse'

/** One term of a sparse vector; terms that are not named weigh 0. */
export interface SparseTerm {
  /**
   * Token id in the serving model's vocabulary, or above all of them the number of a term that is more than one token: a
   * word, or a pair of characters.
   */
  index: number
  /** Weight, above 0. The vector is not of unit length. */
  value: number
  /** The term as text; a space at its start marks the beginning of a word. */
  token: string
}

/** What one text becomes, by the output that was asked for. Dense vectors have length 1. */
export interface VectorOf {
  dense: Float32Array
  sparse: SparseTerm[]
  'dense&sparse': { dense: Float32Array; sparse: SparseTerm[] }
}

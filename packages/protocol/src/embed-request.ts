/** How a text will be used. Search compares a `query` with `document`s; everything else is a `document`. */
export type TextType = 'query' | 'document'

/** Which vectors are wanted of each input. */
export type OutputType = 'dense' | 'sparse' | 'dense&sparse'

/** What happens to a text of more tokens than its model takes: an error; cut, and said; embedded whole, as a mean. */
export type Overlong = 'error' | 'truncate' | 'chunk-mean'

/**
 * The neutral form of a request for embeddings: what every dialect decodes to.
 *
 * Nothing here is checked against a model yet; the catalog does that (`catalog/check.ts`).
 */
export interface EmbedRequest {
  /** Public model id as the caller wrote it. */
  model: string
  /** Texts in the caller's order. */
  inputs: string[]
  /**
   * Inputs that came as token ids of the original service's vocabulary, one array an input; `inputs` is then empty.
   * `embedding/detokenize.ts` turns them into texts, for the models whose service takes ids.
   */
  tokenArrays?: number[][]
  /** Components wanted; absent means the model's default. */
  dimension?: number
  textType: TextType
  outputType: OutputType
  /** Absent means the model's own policy. */
  overlong?: Overlong
  /** Free-text task description of the newer models; a model without it ignores it. */
  instruct?: string
  /** Which end of a text that is cut is cut off; absent means its `end`. */
  cutAt?: 'start' | 'end'
  /** `false` asks for the model's components before they are brought to unit length. */
  normalize?: boolean
  /** What the caller calls these fields, so that an error can name them. */
  fields: { inputs: string; dimension: string }
}

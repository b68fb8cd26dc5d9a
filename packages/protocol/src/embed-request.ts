/** How a text will be used. Search compares a `query` with `document`s; everything else is a `document`. */
export type TextType = 'query' | 'document'

/** Which vectors are wanted of each input. */
export type OutputType = 'dense' | 'sparse' | 'dense&sparse'

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
  /** Components wanted; absent means the model's default. */
  dimension?: number
  textType: TextType
  outputType: OutputType
  /** Free-text task description of the newer models; a model without it ignores it. */
  instruct?: string
  /** What the caller calls these fields, so that an error can name them. */
  fields: { inputs: string; dimension: string }
}

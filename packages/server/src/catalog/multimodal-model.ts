import type { dashscope, InputKind } from '@quiver/protocol'

/** What an engine that sees tells of its vectors before it runs. */
export interface Vectors {
  /** Components that it computes. */
  dimension: number
  /** Whether any prefix of a vector is a valid shorter vector. */
  isMatryoshka: boolean
}

/** What the public knows of a model of texts, pictures and videos in one space, and which engine model serves it. */
export interface MultimodalModel {
  /** Public model id; case-sensitive. */
  id: string
  /** Engine model id; see `engines/`. */
  engine: string
  /** Components offered, ascending. Those that the engine behind it has not are taken away ({@link servedBy}). */
  dimensions: readonly number[]
  /** Components of a vector when none are asked for. May be missing in `dimensions`: then a request must ask. */
  defaultDimension: number
  /** What a request may ask: one of `dimensions`; anything, which is ignored. */
  dimensionChoice: 'listed' | 'ignored'
  /** Whether the vectors of a narrower engine are filled up with zeros, which leaves every cosine as it is. */
  isPadded: boolean
  /** Components of a vector that are not such zeros, where there are any. */
  paddedFrom?: number
  /** What an input may be made of. */
  kinds: readonly InputKind[]
  /** Inputs in one request. */
  maxInputs: number
  /** Inputs of a kind in one request, where there is a limit besides `maxInputs`. */
  maxOfKind: Partial<Readonly<Record<InputKind, number>>>
  /** Pictures of one input that has several. */
  maxImagesPerInput: number
  /** Tokens of one text; more are cut off, and that is said. */
  maxTextTokens: number
  maxImageBytes: number
  maxVideoBytes: number
  /** One vector of an input; of all inputs, if the request asks; always of all. Parts of one input always make one. */
  fusion: 'input' | 'asked' | 'always'
  answer: dashscope.MultimodalAnswerForm
  /** What a picture counts, by level of resolution where there are levels. */
  tokensPerImage: readonly [number] | readonly [number, number, number, number]
  languages: readonly string[] | number
  /** Millionths of a yuan for 1,000 tokens. */
  priceMicrosPer1kTextTokens: number
  priceMicrosPer1kImageTokens: number
  /** Without charge, and for how long; absent where nothing is documented or nothing is charged. */
  freeQuota?: { tokens: number; days: number }
  /** Of one account, over all its keys; absent where there is none. */
  rateLimit?: { requestsPerMinute: number; tokensPerMinute?: number }
  /** Unix seconds. */
  createdAtSeconds: number
}

/**
 * The model with the dimensions that an engine has for it: those up to its own if it can be shortened, else its own. One
 * that is padded keeps its only one as long as the engine is not wider than that and cannot be shortened.
 */
export function servedBy(model: MultimodalModel, { dimension, isMatryoshka }: Vectors): MultimodalModel {
  const has = (wanted: number) => (isMatryoshka ? wanted <= dimension : wanted === dimension)
  const dimensions = model.dimensions.filter((wanted) => has(wanted) || (model.isPadded && dimension < wanted))
  const isNarrower = model.isPadded && dimension < model.defaultDimension
  return { ...model, dimensions, ...(isNarrower && { paddedFrom: dimension }) }
}

import type { Terms } from './sparse.js'

/** What kind of question a set asks. */
export type Group = 'sts' | 'bitext' | 'cluster' | 'search'
export const GROUPS: readonly Group[] = ['sts', 'bitext', 'cluster', 'search']

/** One metric of one set, at every dimension. */
export interface Measurement {
  group: Group
  set: string
  metric: string
  /** How the texts were embedded: `document`, `query→document`, `sparse` and the like. */
  use: string
  /** Whether the set's figure in means over sets; one for each set. */
  isHeadline: boolean
  /** Sparse vectors and BM25 have no dimension; their `values` are all the same. */
  withoutDimension?: true
  /** As many as there are dimensions, in their order. */
  values: number[]
}

/** What a group of sets needs to be measured. */
export interface Bench {
  /** Folder of the data. */
  data: string
  /** Ascending. */
  dimensions: readonly number[]
  /** Records kept of each set; all when undefined. */
  sampleSize: number | undefined
  /** Vectors of the largest dimension, in order. Equal texts share one vector. */
  embed: (texts: readonly string[], textType: 'query' | 'document') => Promise<Float32Array[]>
  /** Sparse vectors, in order. */
  weighTerms: (texts: readonly string[], textType: 'query' | 'document') => Promise<Terms[]>
  /** Token ids of the model, as text, so that BM25 can count them. */
  pieces: (text: string) => string[]
}

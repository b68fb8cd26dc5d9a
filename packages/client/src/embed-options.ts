import type { OutputType } from './vectors.js'

/** What a server offers as its newest model. Written down here, so that an update of a server changes no vectors. */
export const DEFAULT_MODEL = 'text-embedding-v4'

/** How texts are embedded. */
export interface EmbedOptions<Output extends OutputType = 'dense'> {
  /** Default: {@link DEFAULT_MODEL}. */
  model?: string
  /** Components of each dense vector; default: the model's. */
  dimension?: number
  /** Search with a `query` against `document`s; default `document`. */
  textType?: 'query' | 'document'
  /** Task description for queries, for models that were trained on instructions. */
  instruct?: string
  /** Default `dense`. */
  outputType?: Output
  /** What happens to a text of more tokens than the model takes: refused, cut, or embedded whole; default: the model's. */
  overlong?: 'error' | 'truncate' | 'chunk-mean'
  /** Texts in one request; default: as many as the model takes, which the server is asked for once, but at most 256. */
  maxInputs?: number
  /** Requests on the way at once; default 4. */
  concurrency?: number
  /** Time for the whole call, its waits and further attempts included; default: no limit. */
  timeoutMs?: number
  signal?: AbortSignal
}

import { QuiverError } from './quiver-error.js'
import type { OutputType } from './vectors.js'

/** A model that the server offers. */
export interface Model {
  id: string
  createdAt: Date
  /** `undefined` when the server does not tell, as one that is not Quiver. */
  limits: ModelLimits | undefined
}

/** What one request may ask of a model. */
export interface ModelLimits {
  /** Texts in one request; the client splits longer lists by it. */
  maxInputs: number
  /** The same for dense vectors, where the server is set to take more than the model's own number. */
  maxCompatibleInputs?: number
  /** Tokens of one text. */
  maxInputTokens: number
  /** Dimensions offered, ascending. */
  dimensions: number[]
  defaultDimension: number
  /** What a request may ask: one of `dimensions`; any number up to the largest; anything, which is ignored; nothing. */
  dimensionChoice: 'listed' | 'any' | 'ignored' | 'refused'
  outputs: OutputType[]
  /** What an input may be made of; `undefined` where only texts are taken. */
  kinds?: ('text' | 'image' | 'multi_images' | 'video')[]
}

interface ModelObject {
  id: string
  created: number
  quiver?: ModelLimits
}

/** Answer of `GET /v1/models/{id}` → model. @throws {QuiverError} `invalid_answer` */
export function toModel(json: unknown): Model {
  const { id, created, quiver } = json as ModelObject // checked below
  if (typeof id !== 'string') throw notAModel()
  return { id, createdAt: new Date(created * 1000), limits: quiver }
}

/** Answer of `GET /v1/models` → models. @throws {QuiverError} `invalid_answer` */
export function toModels(json: unknown): Model[] {
  const { data } = json as { data: unknown } // checked below
  if (!Array.isArray(data)) throw notAModel()
  return data.map(toModel)
}

function notAModel(): QuiverError {
  return new QuiverError('The answer is no list of models; is this a Quiver server?', { code: 'invalid_answer' })
}

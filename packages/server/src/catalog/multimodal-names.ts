import type { PulledModel } from '../pull/pulled-model.js'
import { type MultimodalModel, servedBy } from './multimodal-model.js'
import { putMultimodalBehind } from './multimodal-serving.js'
import { toMultimodalModel } from './pulled-models.js'

/** A public multimodal model as a pulled one would serve it. */
export interface NameFor {
  model: MultimodalModel
  /** Zeros at the end of each of its vectors; every cosine is as it was without them. */
  zeros: number
}

/** What a public name becomes with a pulled model behind it. Undefined where that has none of the name's dimensions. */
export function nameFor(model: MultimodalModel, pulled: PulledModel): NameFor | undefined {
  const { dimension, towers } = pulled
  const isMatryoshka = towers?.facts?.isMatryoshka ?? false
  const served = servedBy(putMultimodalBehind(model, toMultimodalModel(pulled)), { dimension, isMatryoshka })
  const most = served.dimensions.at(-1)
  return most === undefined ? undefined : { model: served, zeros: Math.max(0, most - dimension) }
}

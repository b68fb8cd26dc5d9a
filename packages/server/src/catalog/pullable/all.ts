import { CLIP_MODELS } from './clip-models.js'
import { MULTILINGUAL_E5 } from './multilingual-e5.js'
import type { Pullable } from './pullable.js'
import { QWEN3_EMBEDDING } from './qwen3-embedding.js'
import { SINGLE_MODELS } from './single-models.js'

/** Every model that can be pulled by name. */
export const PULLABLE: readonly Pullable[] = [...QWEN3_EMBEDDING, ...MULTILINGUAL_E5, ...SINGLE_MODELS, ...CLIP_MODELS]

export function findPullable(name: string): Pullable | undefined {
  return PULLABLE.find((model) => model.name === name)
}

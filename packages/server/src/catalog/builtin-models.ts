import { TEXT_EMBEDDING } from './text-embedding.js'
import type { TextModel } from './text-model.js'

const [V4] = TEXT_EMBEDDING

/**
 * Models that come with the package besides the one that is always there, under their own names: free and without quota, as
 * pulled ones are. `quiver use` puts one behind a public name.
 */
export const BUILTIN_MODELS: readonly TextModel[] = [
  {
    id: 'builtin-text-large',
    engine: 'builtin-text-large',
    dimensions: V4.dimensions,
    defaultDimension: V4.defaultDimension,
    dimensionChoice: 'listed',
    maxInputs: 2048,
    maxInputTokens: V4.maxInputTokens,
    overlong: 'error',
    outputs: V4.outputs,
    hasInstruct: false,
    // English, and those of whose sentences it finds half or more translated: benchmarks/results/builtin-languages.md.
    languages: 72,
    priceMicrosPer1kTokens: 0,
    batchPriceMicrosPer1kTokens: 0,
    createdAtSeconds: Date.UTC(2026, 10, 29) / 1000,
  },
]

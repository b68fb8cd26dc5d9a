import { TEXT_EMBEDDING } from './text-embedding.js'
import type { TextModel } from './text-model.js'

const [V4] = TEXT_EMBEDDING

/**
 * Names under which `text-embedding-v4` answers too, each with the limits that its own clients know: the newer ids of
 * Model Studio's page, and OpenAI's (its guide on embeddings). Nothing is padded: 2,560 and 3,072 components, which
 * `qwen3.7-text-embedding` and `text-embedding-3-large` offer at their services, are refused.
 */
export const OTHER_NAMES: readonly TextModel[] = [
  {
    ...V4,
    id: 'qwen3.7-text-embedding',
    aliasOf: V4.id,
    dimensions: [256, 512, 768, 1024, 1536, 2048],
    maxInputs: 20,
    maxInputTokens: 128_000,
    createdAtSeconds: Date.UTC(2026, 6, 1) / 1000,
  },
  {
    ...V4,
    id: 'qwen3.7-text-embedding-flash',
    aliasOf: V4.id,
    dimensions: [256, 512, 768, 1024],
    maxInputs: 20,
    maxInputTokens: 128_000,
    priceMicrosPer1kTokens: 125,
    batchPriceMicrosPer1kTokens: 63,
    createdAtSeconds: Date.UTC(2026, 6, 1) / 1000,
  },
  ofOpenAI({ id: 'text-embedding-3-small', dimensions: [256, 512, 1024, 1536], dimensionChoice: 'any' }),
  ofOpenAI({ id: 'text-embedding-3-large', dimensions: [256, 512, 1024, 1536, 2048], dimensionChoice: 'any' }),
  ofOpenAI({ id: 'text-embedding-ada-002', dimensions: [1536], dimensionChoice: 'refused' }),
]

/** OpenAI takes 2,048 texts of 8,192 tokens in a request, each as a string or as its token ids. */
function ofOpenAI(own: Pick<TextModel, 'id' | 'dimensions' | 'dimensionChoice'>): TextModel {
  const largest = own.dimensions.at(-1) ?? V4.defaultDimension
  return {
    ...V4,
    ...own,
    aliasOf: V4.id,
    defaultDimension: largest,
    maxInputs: 2048,
    outputs: ['dense'],
    tokenArrays: 'cl100k_base',
    hasInstruct: false,
    createdAtSeconds: Date.UTC(2024, 0, 25) / 1000,
  }
}

import type { TextModel } from './text-model.js'

const BUILTIN = 'builtin-text'

/**
 * The family `text-embedding-v1 … v4`: dimensions, rows and tokens as Model Studio's page on embeddings documents
 * them. v1 and v2 answer any requested dimension with their only one, as the live service does.
 */
export const TEXT_EMBEDDING: readonly [TextModel, ...TextModel[]] = [
  {
    id: 'text-embedding-v4',
    engine: BUILTIN,
    dimensions: [64, 128, 256, 512, 768, 1024, 1536, 2048],
    defaultDimension: 1024,
    ignoresDimension: false,
    maxInputs: 10,
    maxInputTokens: 8192,
    outputs: ['dense', 'sparse', 'dense&sparse'],
    createdAtSeconds: Date.UTC(2025, 5, 5) / 1000,
  },
  {
    id: 'text-embedding-v3',
    engine: BUILTIN,
    dimensions: [64, 128, 256, 512, 768, 1024],
    defaultDimension: 1024,
    ignoresDimension: false,
    maxInputs: 10,
    maxInputTokens: 8192,
    outputs: ['dense', 'sparse', 'dense&sparse'],
    createdAtSeconds: Date.UTC(2024, 8, 1) / 1000,
  },
  {
    id: 'text-embedding-v2',
    engine: BUILTIN,
    dimensions: [1536],
    defaultDimension: 1536,
    ignoresDimension: true,
    maxInputs: 25,
    maxInputTokens: 2048,
    outputs: ['dense'],
    createdAtSeconds: Date.UTC(2023, 9, 1) / 1000,
  },
  {
    id: 'text-embedding-v1',
    engine: BUILTIN,
    dimensions: [1536],
    defaultDimension: 1536,
    ignoresDimension: true,
    maxInputs: 25,
    maxInputTokens: 2048,
    outputs: ['dense'],
    createdAtSeconds: Date.UTC(2023, 5, 1) / 1000,
  },
]

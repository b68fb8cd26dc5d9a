import type { TextModel } from './text-model.js'

const BUILTIN = 'builtin-text'
/** Model Studio's page on embeddings gives the account limits of all text models as 30 RPS and 1,200,000 TPM. */
const RATE_LIMIT = { requestsPerSecond: 30, tokensPerMinute: 1_200_000 }
const FREE_DAYS = 180

const V4: TextModel = {
  id: 'text-embedding-v4',
  engine: BUILTIN,
  dimensions: [64, 128, 256, 512, 768, 1024, 1536, 2048],
  defaultDimension: 1024,
  dimensionChoice: 'listed',
  maxInputs: 10,
  maxInputTokens: 8192,
  overlong: 'error',
  outputs: ['dense', 'sparse', 'dense&sparse'],
  hasInstruct: true,
  languages: 100,
  priceMicrosPer1kTokens: 500,
  batchPriceMicrosPer1kTokens: 250,
  freeQuota: { tokens: 1_000_000, days: FREE_DAYS },
  rateLimit: RATE_LIMIT,
  createdAtSeconds: Date.UTC(2025, 5, 5) / 1000,
}

/** v1 and v2 answer any requested dimension with their only one, as the live service does. */
const V2: TextModel = {
  ...V4,
  id: 'text-embedding-v2',
  dimensions: [1536],
  defaultDimension: 1536,
  dimensionChoice: 'ignored',
  maxInputs: 25,
  maxInputTokens: 2048,
  outputs: ['dense'],
  hasInstruct: false,
  languages: ['zh', 'en', 'es', 'fr', 'pt', 'id', 'ja', 'ko', 'de', 'ru'],
  priceMicrosPer1kTokens: 700,
  batchPriceMicrosPer1kTokens: 350,
  freeQuota: { tokens: 500_000, days: FREE_DAYS },
  createdAtSeconds: Date.UTC(2023, 9, 1) / 1000,
}

/** The same models for files of many lines; limits as the page on asynchronous embedding documents them. */
const ASYNC_V2: TextModel = {
  ...V2,
  id: 'text-embedding-async-v2',
  maxInputs: 1,
  // Tasks are no batches: the page gives them the full price.
  batchPriceMicrosPer1kTokens: V2.priceMicrosPer1kTokens,
  freeQuota: { tokens: 20_000_000, days: FREE_DAYS },
  asynchronous: {
    maxLines: 100_000,
    maxFileBytes: 200 * 1024 * 1024,
    submitsPerSecond: 1,
    maxOpen: 50,
    maxRunning: 3,
  },
}

/**
 * The family `text-embedding-v1 … v4`: dimensions, rows, tokens, languages, prices, free quota and rate limits as Model
 * Studio's page on embeddings documents them. Newest first.
 */
export const TEXT_EMBEDDING: readonly [TextModel, ...TextModel[]] = [
  V4,
  {
    ...V4,
    id: 'text-embedding-v3',
    dimensions: [64, 128, 256, 512, 768, 1024],
    hasInstruct: false,
    languages: 50,
    freeQuota: { tokens: 500_000, days: FREE_DAYS },
    createdAtSeconds: Date.UTC(2024, 8, 1) / 1000,
  },
  V2,
  {
    ...V2,
    id: 'text-embedding-v1',
    languages: ['zh', 'en', 'es', 'fr', 'pt', 'id'],
    createdAtSeconds: Date.UTC(2023, 5, 1) / 1000,
  },
  ASYNC_V2,
  {
    ...ASYNC_V2,
    id: 'text-embedding-async-v1',
    languages: ['zh', 'en', 'es', 'fr', 'pt', 'id'],
    createdAtSeconds: Date.UTC(2023, 5, 1) / 1000,
  },
]

import type { MultimodalModel } from './multimodal-model.js'

const BUILTIN = 'builtin-image'
const MEGABYTE = 1024 * 1024
const FREE_QUOTA = { tokens: 1_000_000, days: 180 }
/** What a picture counts at each level of resolution: the snapshots of March 2026, whose usual level is 1. */
const LEVELS = [127, 402, 578, 1026] as const

const V1: MultimodalModel = {
  id: 'multimodal-embedding-v1',
  engine: BUILTIN,
  dimensions: [1024],
  defaultDimension: 1024,
  dimensionChoice: 'ignored',
  isPadded: true,
  kinds: ['text', 'image', 'video'],
  maxInputs: 3,
  maxOfKind: { text: 1, image: 1, video: 1 },
  maxImagesPerInput: 1,
  maxTextTokens: 512,
  maxImageBytes: 3 * MEGABYTE,
  maxVideoBytes: 10 * MEGABYTE,
  fusion: 'input',
  answer: { types: 'kinds', usage: 'counts' },
  // The example of the service's page: one picture, 896 tokens.
  tokensPerImage: [896],
  languages: ['zh', 'en'],
  priceMicrosPer1kTextTokens: 700,
  priceMicrosPer1kImageTokens: 900,
  rateLimit: { requestsPerMinute: 120 },
  createdAtSeconds: Date.UTC(2025, 0, 1) / 1000,
}

const TONGYI_PLUS: MultimodalModel = {
  ...V1,
  id: 'tongyi-embedding-vision-plus',
  dimensions: [64, 128, 256, 512, 1024, 1152],
  defaultDimension: 1152,
  dimensionChoice: 'listed',
  isPadded: false,
  kinds: ['text', 'image', 'video', 'multi_images'],
  // The page limits these by tokens alone; twenty are what its snapshots take.
  maxInputs: 20,
  maxOfKind: {},
  maxImagesPerInput: 8,
  maxTextTokens: 1024,
  answer: { types: 'kinds', usage: 'details' },
  tokensPerImage: [402],
  priceMicrosPer1kTextTokens: 500,
  priceMicrosPer1kImageTokens: 500,
  freeQuota: FREE_QUOTA,
  rateLimit: { requestsPerMinute: 600, tokensPerMinute: 200_000 },
  createdAtSeconds: Date.UTC(2025, 8, 1) / 1000,
}

const TONGYI_FLASH: MultimodalModel = {
  ...TONGYI_PLUS,
  id: 'tongyi-embedding-vision-flash',
  dimensions: [64, 128, 256, 512, 768],
  defaultDimension: 768,
  priceMicrosPer1kTextTokens: 150,
  priceMicrosPer1kImageTokens: 150,
}

const SNAPSHOT = {
  maxOfKind: { video: 8 },
  maxImagesPerInput: 64,
  maxImageBytes: 10 * MEGABYTE,
  maxVideoBytes: 50 * MEGABYTE,
  tokensPerImage: LEVELS,
  createdAtSeconds: Date.UTC(2026, 2, 6) / 1000,
} as const

const QWEN3_VL: MultimodalModel = {
  ...TONGYI_PLUS,
  id: 'qwen3-vl-embedding',
  dimensions: [256, 512, 768, 1024, 1536, 2048, 2560],
  defaultDimension: 2560,
  kinds: ['text', 'image', 'video', 'multi_images'],
  // The page says five in one place and ten in another.
  maxOfKind: { image: 10, video: 1 },
  maxImagesPerInput: 10,
  maxTextTokens: 32_000,
  maxImageBytes: 10 * MEGABYTE,
  maxVideoBytes: 50 * MEGABYTE,
  fusion: 'asked',
  answer: { types: 'vl', usage: 'sum' },
  priceMicrosPer1kTextTokens: 700,
  priceMicrosPer1kImageTokens: 1800,
  rateLimit: { requestsPerMinute: 1200, tokensPerMinute: 600_000 },
  createdAtSeconds: Date.UTC(2026, 0, 1) / 1000,
}

/**
 * The multimodal family: dimensions, limits, prices, quotas, shapes of usage and rules of fusion as Model Studio's page on
 * multimodal embeddings documents them. Usual ones first.
 */
export const MULTIMODAL_EMBEDDING: readonly [MultimodalModel, ...MultimodalModel[]] = [
  V1,
  TONGYI_PLUS,
  TONGYI_FLASH,
  { ...TONGYI_PLUS, ...SNAPSHOT, id: 'tongyi-embedding-vision-plus-2026-03-06' },
  { ...TONGYI_FLASH, ...SNAPSHOT, id: 'tongyi-embedding-vision-flash-2026-03-06' },
  QWEN3_VL,
  {
    ...QWEN3_VL,
    id: 'qwen2.5-vl-embedding',
    dimensions: [512, 768, 1024, 2048],
    defaultDimension: 1024,
    kinds: ['text', 'image', 'video'],
    maxInputs: 3,
    maxOfKind: { text: 1, image: 1, video: 1 },
    maxImageBytes: 5 * MEGABYTE,
    fusion: 'always',
    answer: { types: 'vl', usage: 'two' },
    createdAtSeconds: Date.UTC(2025, 6, 1) / 1000,
  },
]

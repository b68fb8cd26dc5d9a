import type { PulledModel } from '../pull/pulled-model.js'
import type { MultimodalModel } from './multimodal-model.js'
import { findPullable } from './pullable/all.js'
import type { TextModel } from './text-model.js'

const MEGABYTE = 1024 * 1024
/** Texts in one request, as OpenAI has it; tokens and bytes bound a request of an open model. */
const MAX_INPUTS = 2048
/** Inputs in one request, and pictures of one input, as the service's newest multimodal models have it. */
const MAX_MULTIMODAL_INPUTS = 20
const MAX_IMAGES = 64
/** What a picture counts: as multimodal-embedding-v1 counts it, so that sums stay comparable. */
const IMAGE_TOKENS = 896

/**
 * The public face of a pulled model, under its own name: free, without quota, and with the dimensions that its authors
 * trained it for. Sparse vectors are the built-in model's where it has none of its own. Of a model that is not curated only the whole vector is known to be good.
 */
export function toTextModel(pulled: PulledModel): TextModel {
  const { name, dimension, maxTokens, pulledAt, prompts } = pulled
  const curated = pulled.curated === undefined ? undefined : findPullable(pulled.curated)
  const shorter = (curated?.dimensions ?? []).filter((offered) => offered < dimension)
  return {
    id: name,
    engine: name,
    dimensions: [...shorter, dimension],
    defaultDimension: dimension,
    dimensionChoice: curated?.dimensionChoice ?? 'listed',
    maxInputs: MAX_INPUTS,
    maxInputTokens: Math.min(maxTokens, curated?.maxTokens ?? maxTokens),
    overlong: 'error',
    outputs: ['dense', 'sparse', 'dense&sparse'],
    hasInstruct: prompts?.instruct !== undefined,
    languages: curated?.languages ?? [],
    priceMicrosPer1kTokens: 0,
    batchPriceMicrosPer1kTokens: 0,
    createdAtSeconds: curated?.createdAtSeconds ?? Math.floor(Date.parse(pulledAt) / 1000),
  }
}

/**
 * The public face of a pulled model of texts and pictures, under its own name: free, as wide as it is, and narrower where its
 * authors trained it so. Inputs as the newest of the service's models take them.
 */
export function toMultimodalModel(pulled: PulledModel): MultimodalModel {
  const { name, dimension, maxTokens, pulledAt, towers } = pulled
  const curated = pulled.curated === undefined ? undefined : findPullable(pulled.curated)
  const isMatryoshka = towers?.facts?.isMatryoshka ?? false
  const shorter = isMatryoshka ? (curated?.dimensions ?? []).filter((offered) => offered < dimension) : []
  return {
    id: name,
    engine: name,
    dimensions: [...shorter, dimension],
    defaultDimension: dimension,
    dimensionChoice: 'listed',
    isPadded: false,
    kinds: ['text', 'image', 'video', 'multi_images'],
    maxInputs: MAX_MULTIMODAL_INPUTS,
    maxOfKind: {},
    maxImagesPerInput: MAX_IMAGES,
    maxTextTokens: maxTokens,
    maxImageBytes: 10 * MEGABYTE,
    maxVideoBytes: 50 * MEGABYTE,
    fusion: 'asked',
    answer: { types: 'kinds', usage: 'details' },
    tokensPerImage: [IMAGE_TOKENS],
    languages: curated?.languages ?? [],
    priceMicrosPer1kTextTokens: 0,
    priceMicrosPer1kImageTokens: 0,
    createdAtSeconds: curated?.createdAtSeconds ?? Math.floor(Date.parse(pulledAt) / 1000),
  }
}

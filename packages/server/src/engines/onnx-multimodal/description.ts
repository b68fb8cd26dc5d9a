import { z } from 'zod'
import type { TowerFacts, Towers } from '../../pull/pulled-model.js'
import { ModelError, type ModelFolder } from '../pulled/model-folder.js'
import { type Preprocessing, readPreprocessing } from './preprocessing.js'

/** How a text becomes what the network of texts takes. */
export interface CaptionRule {
  /** Special tokens included; longer texts are cut before the last of these. */
  maxTokens: number
  /** Every text is filled up to `maxTokens` with this token; undefined where a text stays as long as it is. */
  padId: number | undefined
  isLowercased: boolean
}

/** What a model's files say of the way from a text or a picture to its vector. */
export interface Description {
  captions: CaptionRule
  preprocessing: Preprocessing
  /** Outputs of the graphs that are vectors of the common space, the best first. */
  outputs: { text: readonly string[]; picture: readonly string[] }
  isMatryoshka: boolean
}

interface Family {
  outputs: Description['outputs']
  /** Positions where config.json says nothing, as transformers has it. */
  usualTokens?: number
  /** Whether it was trained on texts that were filled up, and looks at what fills them up. */
  isFilledUp: boolean
}

/** A `pooler_output` of CLIP lies before the projection into the common space; SigLIP has none. */
const FAMILIES: Readonly<Record<string, Family>> = {
  clip: { outputs: { text: ['text_embeds'], picture: ['image_embeds'] }, usualTokens: 77, isFilledUp: false },
  chinese_clip: { outputs: { text: ['text_embeds'], picture: ['image_embeds'] }, usualTokens: 512, isFilledUp: false },
  siglip: {
    outputs: { text: ['text_embeds', 'pooler_output'], picture: ['image_embeds', 'pooler_output'] },
    usualTokens: 64,
    isFilledUp: true,
  },
  jina_clip: { outputs: { text: ['text_embeddings'], picture: ['image_embeddings'] }, isFilledUp: false },
}

const Config = z.looseObject({
  model_type: z.string().optional(),
  text_config: z.looseObject({ max_position_embeddings: z.int().positive().optional() }).optional(),
})
const Named = z.union([z.string(), z.object({ content: z.string() })])
const TokenizerConfig = z.looseObject({
  model_max_length: z.number().positive().optional(),
  pad_token: Named.nullish(),
  do_lower_case: z.boolean().optional(),
  tokenizer_class: z.string().optional(),
})
const TokenizerFile = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })).default([]),
})

/**
 * Read what the files of a model of texts and pictures say. What is said and not implemented is an error.
 *
 * @throws {ModelError} naming file and field.
 */
export async function describe(folder: ModelFolder): Promise<Description & { towers: Towers }> {
  const { towers } = folder
  if (towers === undefined) throw new ModelError('quiver-model.json: towers is missing: it is a model of texts only.')
  const config = (await folder.optionalJson('config.json', Config)) ?? {}
  const named = towers.facts?.family ?? config.model_type
  const family = FAMILIES[named ?? '']
  if (family === undefined) {
    const there = Object.keys(FAMILIES).join(', ')
    throw new ModelError(`config.json: model_type: ${named ?? 'nothing'} is not implemented; ${there} are.`)
  }
  const { facts = {} } = towers
  return {
    towers,
    captions: await describeCaptions(folder, { family, facts, positions: config.text_config?.max_position_embeddings }),
    preprocessing: await readPreprocessing(folder, towers.preprocessor),
    outputs: family.outputs,
    isMatryoshka: facts.isMatryoshka ?? false,
  }
}

async function describeCaptions(
  folder: ModelFolder,
  { family, facts, positions }: { family: Family; facts: TowerFacts; positions: number | undefined },
): Promise<CaptionRule> {
  const path = 'tokenizer_config.json'
  const tokenizer = (await folder.optionalJson(path, TokenizerConfig)) ?? {}
  const limits = [positions ?? family.usualTokens, tokenizer.model_max_length].filter((limit) => limit !== undefined)
  // Tokenizers without a limit of their own say 10³⁰.
  const maxTokens = facts.captionTokens ?? Math.floor(Math.min(...limits))
  if (!(maxTokens > 0 && maxTokens < 1e7)) {
    throw new ModelError('config.json: text_config.max_position_embeddings is missing.')
  }
  const isFilledUp = family.isFilledUp || facts.captionPadId !== undefined
  return {
    maxTokens,
    padId: isFilledUp ? (facts.captionPadId ?? (await padIdOf(folder, tokenizer.pad_token))) : undefined,
    // Tokenizers of this class lower-case by themselves, and their files say nothing of it.
    isLowercased:
      facts.isLowercased ?? (tokenizer.do_lower_case === true || tokenizer.tokenizer_class === 'Siglip2Tokenizer'),
  }
}

async function padIdOf(folder: ModelFolder, named: z.output<typeof Named> | null | undefined): Promise<number> {
  const name = typeof named === 'object' ? named?.content : named
  if (name === undefined) throw new ModelError('tokenizer_config.json: pad_token is missing.')
  const { added_tokens: added } = await folder.json('tokenizer.json', TokenizerFile)
  const id = added.find(({ content }) => content === name)?.id
  if (id === undefined) throw new ModelError(`tokenizer.json: added_tokens: there is no ${name}.`)
  return id
}

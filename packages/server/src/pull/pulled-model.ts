import { z } from 'zod'
import { PullError } from './pull-error.js'
import { isSafePath } from './safe-path.js'

/** Written last into a pulled model's folder: a folder without it is no model. */
export const MANIFEST = 'quiver-model.json'

/** Names of pulled models: what a folder may be called everywhere, and a public model id too. */
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

export const ENGINE_KINDS = ['onnx', 'llama-cpp'] as const
export type EngineKind = (typeof ENGINE_KINDS)[number]

/** What goes before a text. Only where the model's own files do not say it. */
export const Prompts = z.strictObject({
  query: z.string(),
  document: z.string(),
  instruct: z
    .string()
    .refine((template) => template.includes('{task}'), 'must contain {task}')
    .optional()
    .describe('Goes before a query in place of `query` when a request brings an instruction, which replaces {task}.'),
})
export type Prompts = Readonly<z.output<typeof Prompts>>

const Path = z.string().refine(isSafePath, 'must be a relative path inside the folder')

/** Architectures of models that put texts and pictures into one space. */
export const FAMILIES = ['clip', 'chinese_clip', 'siglip', 'jina_clip'] as const
export type Family = (typeof FAMILIES)[number]

/** What the files of a model of texts and pictures do not say of it. */
export const TowerFacts = z.strictObject({
  family: z.enum(FAMILIES).optional().describe('Where config.json has no `model_type` of these.'),
  captionTokens: z.int().positive().optional().describe('Longest text, special tokens included.'),
  captionPadId: z
    .int()
    .nonnegative()
    .optional()
    .describe('Every text is filled up to `captionTokens` with this token.'),
  isLowercased: z.boolean().optional().describe('Whether it was trained on texts in lower case.'),
  isMatryoshka: z.boolean().optional().describe('Whether it was trained so that prefixes of a vector are vectors.'),
})
export type TowerFacts = Readonly<z.output<typeof TowerFacts>>

/** The parts of a model of texts and pictures. A model of texts only has none. */
export const Towers = z.strictObject({
  text: Path.describe('Graph of texts.'),
  picture: Path.describe('Graph of pictures; the same file as `text` where one graph has both.'),
  preprocessor: Path.describe('What is done to a picture before.'),
  facts: TowerFacts.optional().describe('Only where the model’s own files do not say it.'),
})
export type Towers = Readonly<z.output<typeof Towers>>

/** A pulled model, as its `quiver-model.json` tells it. */
export const PulledModel = z.object({
  name: z.string().regex(MODEL_NAME),
  source: z.string().min(1).describe('With the commit where the source has commits.'),
  settingsSource: z
    .string()
    .min(1)
    .optional()
    .describe('Where tokenizer and settings come from, if not from `source`.'),
  curated: z.string().optional().describe('Name of the curated entry that it was pulled by.'),
  engine: z.enum(ENGINE_KINDS),
  variant: z.string().min(1).describe('fp32, int8, Q8_0 …: the arithmetic of the weights file.'),
  files: z.record(Path, z.object({ bytes: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
  weights: z.string().describe('One of `files`.'),
  towers: Towers.optional().describe('Of a model of texts and pictures, whose engine is onnx.'),
  dimension: z.int().positive().describe('Components of its vectors, as its files say.'),
  maxTokens: z.int().positive().describe('Longest sequence that it takes, special tokens included, as its files say.'),
  license: z.string().optional(),
  pooling: z
    .enum(['mean', 'cls', 'last'])
    .optional()
    .describe(
      'How the states of tokens become one vector. A pull never writes it: for a person to add, on the word of whoever published the weights, to a GGUF file that does not say it; it goes before what the file says.',
    ),
  pulledAt: z.iso.datetime(),
  prompts: Prompts.optional(),
})
export type PulledModel = Readonly<z.output<typeof PulledModel>>

/** What a model takes. */
export function modalityOf({ towers }: Pick<PulledModel, 'towers'>): 'text' | 'multimodal' {
  return towers === undefined ? 'text' : 'multimodal'
}

/**
 * Read a manifest's text, or its parsed JSON.
 *
 * @throws {PullError} when it is none, or names weights that are not among its files.
 */
export function parseManifest(content: unknown): PulledModel {
  let value = content
  try {
    if (typeof content === 'string') value = JSON.parse(content)
  } catch {
    throw new PullError(`${MANIFEST} is no JSON.`)
  }
  const { data, error } = PulledModel.safeParse(value)
  if (data === undefined) {
    const { path = [], message = '' } = error?.issues[0] ?? {}
    throw new PullError(`${MANIFEST} is not right: ${path.join('.')}: ${message}.`)
  }
  const { facts: _, ...towers } = data.towers ?? {}
  for (const [field, path] of Object.entries({ weights: data.weights, ...towers })) {
    if (data.files[path] === undefined) {
      throw new PullError(`${MANIFEST} is not right: ${field}: ${path} is not among its files.`)
    }
  }
  return data
}

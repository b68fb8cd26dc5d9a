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
  files: z.record(
    z.string().refine(isSafePath, 'must be a relative path inside the folder'),
    z.object({ bytes: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
  weights: z.string().describe('One of `files`.'),
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
  if (data.files[data.weights] === undefined) {
    throw new PullError(`${MANIFEST} is not right: weights: ${data.weights} is not among its files.`)
  }
  return data
}

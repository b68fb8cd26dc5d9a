import { z } from 'zod'

/** What one request may ask of a model; the names are those of `quiver models --json`. */
const ModelLimits = z.object({
  maxInputs: z.int().describe('Texts in one request.'),
  maxCompatibleInputs: z.int().describe('The same at `…/v1/embeddings`, where the operator may allow more.'),
  maxInputTokens: z.int().describe('Tokens of one text, without prompts and special tokens.'),
  dimensions: z.array(z.int()).describe('Dimensions offered, ascending.'),
  defaultDimension: z.int(),
  dimensionChoice: z
    .enum(['listed', 'any', 'ignored', 'refused'])
    .describe('A request may ask for one of `dimensions`; any number up to the largest; anything, ignored; nothing.'),
  outputs: z.array(z.enum(['dense', 'sparse', 'dense&sparse'])).describe('Values of `output_type`, native endpoint.'),
  kinds: z
    .array(z.enum(['text', 'image', 'multi_images', 'video']))
    .optional()
    .describe('What an input may be made of; absent where only texts are taken.'),
  maxImageBytes: z.int().optional().describe('Of one picture, where pictures are taken.'),
  maxVideoBytes: z.int().optional().describe('Of one video, where videos are taken.'),
})

/**
 * One entry of `GET …/v1/models`. `created` is in Unix seconds.
 *
 * `quiver` is an extra: clients that know it need no table of limits, the others skip it.
 */
export const ModelObject = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
  quiver: ModelLimits,
})
export type ModelObject = z.output<typeof ModelObject>

export const ModelList = z.object({ object: z.literal('list'), data: z.array(ModelObject) })
export type ModelList = z.output<typeof ModelList>

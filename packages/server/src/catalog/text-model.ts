import { z } from 'zod'

const count = z.int().positive()
const micros = z.int().nonnegative()

/**
 * What the public knows of a text embedding model, and which engine model serves it. The shape of the catalog's own
 * entries and of those that a user writes under `models` in the configuration file.
 */
export const TextModel = z.strictObject({
  id: z
    .string()
    .regex(/^[\w.:/-]{1,128}$/, 'must be 1 to 128 letters, digits or . _ : / -')
    .describe('Public model id; case-sensitive.'),
  engine: z.string().min(1).describe('Engine model id; see `engines/`.'),
  aliasOf: z.string().optional().describe('The model that answers under this other name.'),
  dimensions: z
    .array(count)
    .nonempty()
    .readonly()
    .refine((values) => values.every((value, i) => value > (values[i - 1] ?? 0)), 'must ascend')
    .describe('Components offered, ascending.'),
  defaultDimension: count.describe('Components of a vector when none are asked for.'),
  dimensionChoice: z
    .enum(['listed', 'any', 'ignored', 'refused'])
    .describe(
      'What a request may ask: one of `dimensions`; any number from 1 to the largest of them; anything, which is ignored; nothing.',
    ),
  maxInputs: count.describe('Texts in one request.'),
  maxInputTokens: count.describe('Tokens of one text, without prompts and special tokens.'),
  overlong: z
    .enum(['error', 'truncate', 'chunk-mean'])
    .describe(
      'A text above `maxInputTokens`: 400; cut, and said; or embedded whole, as the mean of its windows. A request may choose (x-quiver-overlong).',
    ),
  outputs: z.array(z.enum(['dense', 'sparse', 'dense&sparse'])).readonly(),
  tokenArrays: z
    .enum(['cl100k_base'])
    .optional()
    .describe('Vocabulary of the token ids that may stand for a text; absent where only texts are taken.'),
  hasInstruct: z.boolean().describe('Whether the public model documents `instruct`.'),
  languages: z
    .union([z.array(z.string()).readonly(), count])
    .describe('Codes of ISO 639-1, or how many where only the number is documented; none where nothing is known.'),
  priceMicrosPer1kTokens: micros.describe('Millionths of a yuan for 1,000 tokens.'),
  batchPriceMicrosPer1kTokens: micros.describe('The same, for batch jobs.'),
  freeQuota: z
    .strictObject({ tokens: z.int().nonnegative(), days: count })
    .optional()
    .describe('Tokens without charge, and for how long; absent where nothing is charged.'),
  rateLimit: z
    .strictObject({ requestsPerSecond: count, tokensPerMinute: count })
    .optional()
    .describe('Of one account, over all its keys; absent where there is none.'),
  asynchronous: z
    .strictObject({
      maxLines: count.describe('Lines of a file.'),
      maxFileBytes: count,
      submitsPerSecond: count,
      maxOpen: count.describe('Tasks of one account that wait or run.'),
      maxRunning: count.describe('Tasks of one account that run; others wait.'),
    })
    .optional()
    .describe('Limits of a model that takes files, a text a line, as tasks, and nothing else. Absent: takes texts.'),
  createdAtSeconds: z
    .int()
    .nonnegative()
    .describe("Start of availability at the original service, Unix seconds; OpenAI's `created`."),
  deprecation: z
    .strictObject({ since: z.iso.date(), sunset: z.iso.date().optional(), successor: z.string().optional() })
    .optional()
    .describe('Announced with the headers of RFC 9745 and RFC 8594.'),
})
export type TextModel = Readonly<z.output<typeof TextModel>>

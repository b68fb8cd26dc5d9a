import { z } from 'zod'

const wholeNumber = (least: number, most: number) => z.int().min(least).max(most)

const BaseUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).refine((url) => {
  const parsed = URL.parse(url)
  return parsed === null || (parsed.username === '' && parsed.password === '' && parsed.search === '')
}, 'must have no user, password or query; a key goes into apiKey or apiKeyEnv')

/** What an upstream engine puts before the texts of each use. */
export const Prompts = z.strictObject({
  query: z
    .string()
    .default('')
    .describe('Before queries. `{instruct}` in it is replaced by the task of the request, or by `instruct`.'),
  document: z.string().default('').describe('Before documents.'),
  instruct: z.string().min(1).optional().describe('The task where a request names none; needed with `{instruct}`.'),
})
export type Prompts = z.output<typeof Prompts>

/** An engine whose vectors come from other servers. */
export const UpstreamEntry = z
  .strictObject({
    kind: z.literal('upstream'),
    protocol: z
      .enum(['auto', 'openai', 'tei', 'ollama', 'dashscope'])
      .default('auto')
      .describe('What the servers speak; `auto` asks them at start, and takes URLs that end in /api/v1 for DashScope.'),
    urls: z.array(BaseUrl).nonempty().max(64).describe('Servers of the same model; calls are spread over them.'),
    model: z.string().min(1).describe('What the servers call the model.'),
    revision: z.string().min(1).optional().describe('Of the weights; part of the identity of the vector space.'),
    apiKey: z.string().min(1).optional().describe('Sent as `Authorization: Bearer`.'),
    apiKeyEnv: z.string().min(1).optional().describe('Environment variable that holds the key.'),
    dimension: wholeNumber(1, 65_536).describe("Components of the model's own vectors."),
    window: wholeNumber(1, 1_000_000).describe(
      'Tokens of text that the servers take, prompt and special tokens left out.',
    ),
    prompts: Prompts.optional(),
    tokenizer: z
      .string()
      .min(1)
      .optional()
      .describe("Folder with the model's tokenizer.json, to count tokens here; absent: the servers are asked."),
    maxTexts: wholeNumber(1, 2_048).optional().describe('Texts of one request to a server.'),
    timeoutMs: wholeNumber(10, 3_600_000).default(30_000).describe('Longest time of one request to a server.'),
    isRankingChecked: z
      .boolean()
      .default(true)
      .describe('Whether the servers must rank two easy questions in English right before they serve.'),
    maxConcurrency: wholeNumber(1, 1_024).default(32).describe('Requests to one server at a time.'),
  })
  .superRefine((entry, context) => {
    const mistake = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (entry.apiKey !== undefined && entry.apiKeyEnv !== undefined) {
      mistake(['apiKeyEnv'], 'apiKey is given too; only one of them can hold')
    }
    if (new Set(entry.urls).size < entry.urls.length) mistake(['urls'], 'must be different')
    const { prompts, protocol } = entry
    if (prompts !== undefined && protocol === 'dashscope') {
      mistake(['prompts'], 'DashScope puts its own before the texts, so there can be none here')
    }
    if (prompts?.query.includes('{instruct}') === true && prompts.instruct === undefined) {
      mistake(['prompts', 'instruct'], 'must be given, since prompts.query has {instruct}')
    }
  })
export type UpstreamEntry = z.output<typeof UpstreamEntry>

/** One entry under `engines` in the configuration file: an engine besides the built-in one. */
export const EngineEntry = z.discriminatedUnion('kind', [UpstreamEntry])
export type EngineEntry = z.output<typeof EngineEntry>

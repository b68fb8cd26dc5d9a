import { ApiError } from '@quiver/protocol'
import Table from 'cli-table3'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { PipelineSettings } from '../assemble.js'
import { openRemoteModel } from '../assemble-engines.js'
import type { Catalog } from '../catalog/catalog.js'
import { check } from '../catalog/check.js'
import type { TextModel } from '../catalog/text-model.js'
import type { Embed } from '../embedding/embed.js'
import { shorten } from '../vector/vector.js'
import { type Comparison, compare, type Verdict } from '../verify/compare.js'
import { SAMPLE_TEXTS } from '../verify/sample-texts.js'
import { EXIT, UserError } from './exit.js'
import { readLines } from './read-lines.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'
import { withPipeline } from './with-pipeline.js'

interface VerifyOptions {
  against: string
  againstModel?: string
  protocol: 'auto' | 'openai' | 'tei' | 'ollama' | 'dashscope'
  apiKeyEnv?: string
  texts?: string
  textType: 'query' | 'document'
  dimension?: number
  neighbours: number
  timeoutMs: number
  json?: boolean
}

/** Every pair of texts is compared. */
const MAX_TEXTS = 2_000
const SHOWN_UNITS = 40
/** Requests to the other server at a time. */
const LANES = 4

const EXIT_OF: Readonly<Record<Verdict, number>> = {
  'same space': EXIT.ok,
  'same model, other arithmetic': EXIT.otherArithmetic,
  different: EXIT.different,
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('Compare a model here with one at another server, on your own texts.')
    .argument('<model>', 'public model id')
    .requiredOption('--against <url>', 'base URL of a DashScope, TEI, Ollama or OpenAI-compatible server')
    .option('--against-model <name>', 'what the other server calls the model (default: the same)')
    .addOption(
      new Option('--protocol <protocol>', 'what the other server speaks')
        .choices(['auto', 'openai', 'tei', 'ollama', 'dashscope'])
        .default('auto'),
    )
    .option('--api-key-env <name>', 'environment variable that holds the key for the other server')
    .option('--texts <file>', `one text a line, at most ${MAX_TEXTS} (default: ${SAMPLE_TEXTS.length} of ours)`)
    .addOption(new Option('--text-type <type>', 'use of the texts').choices(['query', 'document']).default('document'))
    .option(
      '--dimension <n>',
      "components compared (default: the other server's, where the model has them)",
      wholeNumber,
    )
    .option('--neighbours <n>', 'nearest texts of each that are compared', wholeNumber, 5)
    .option('--timeout-ms <n>', 'longest time of one request', wholeNumber, 30_000)
    .option('--json', 'everything as JSON, without the texts')
    .addHelpText(
      'after',
      `
Verdict and exit code:
  0  same space                     least cosine 0.9999 or more: vectors of both may be mixed
  3  same model, other arithmetic   least cosine 0.95, mean 0.98 or more: rankings nearly agree
  4  different                      nothing of one may be compared with anything of the other

Examples:
  $ quiver verify text-embedding-v4 --against https://dashscope.aliyuncs.com/api/v1 --api-key-env DASHSCOPE_API_KEY
  $ quiver verify bge-m3 --against http://tei:8080 --against-model BAAI/bge-m3 --texts mine.txt --json`,
    )
  return addSettingsOptions(command, ['threads']).action((model: string, options: VerifyOptions, self: Command) =>
    verify(model, options, settingsOf(self)),
  )
}

async function verify(model: string, options: VerifyOptions, settings: PipelineSettings): Promise<void> {
  const { signal } = new AbortController()
  try {
    await withPipeline(settings, signal, async ({ catalog, embed }) => {
      const own = catalog.get(model)
      const texts = options.texts === undefined ? sampleTextsFor(own) : await readTexts(options.texts)
      const there = await embedThere(texts, { model, options, signal })
      const here = await embedHere(texts, {
        own,
        catalog,
        embed,
        options,
        signal,
        offered: there.vectors[0]?.length ?? 0,
      })
      const asLong = await there.inLength(here.dimension)
      await there.close()
      const compared = compare(here.vectors, asLong, { neighbours: options.neighbours })
      const report = { model, here, there, texts, compared, options }
      process.stdout.write(options.json === true ? toJson(report) : toText(report))
      process.exitCode = EXIT_OF[compared.verdict]
    })
  } catch (error) {
    if (error instanceof ApiError) throw new UserError(error.message)
    if (error instanceof Error && (error.name === 'UpstreamError' || error.name === 'Mismatch')) {
      throw new UserError(`${options.against}: ${error.message}.`)
    }
    throw error
  }
}

/** Those that a model surely takes, as one of few tokens would refuse the longest: a token is a character or more. */
function sampleTextsFor({ maxInputTokens }: TextModel): readonly string[] {
  return SAMPLE_TEXTS.filter(({ length }) => length <= maxInputTokens)
}

async function readTexts(file: string): Promise<readonly string[]> {
  const texts: string[] = []
  for await (const { text } of readLines([], { file, skipEmpty: true }).lines) {
    if (texts.length === MAX_TEXTS) throw new UserError(`${file} has more than ${MAX_TEXTS} texts.`)
    texts.push(text)
  }
  if (texts.length === 0) throw new UserError(`${file} has no texts.`)
  return texts
}

interface Side {
  vectors: Float32Array[]
  tokens: (number | undefined)[]
}

interface OtherSide extends Side {
  protocol: string
  /** The vectors with so many components, asked for again if need be; as they are where that cannot be had. */
  inLength(dimension: number): Promise<Float32Array[]>
  close(): Promise<void>
}

async function embedThere(
  texts: readonly string[],
  { model, options, signal }: { model: string; options: VerifyOptions; signal: AbortSignal },
): Promise<OtherSide> {
  const { against, againstModel, protocol, apiKeyEnv, timeoutMs, textType } = options
  const apiKey = apiKeyEnv === undefined ? undefined : process.env[apiKeyEnv]
  if (apiKeyEnv !== undefined && !apiKey) throw new UserError(`the environment has no ${apiKeyEnv}.`, EXIT.usage)
  const remote = await openRemoteModel({
    url: against,
    model: againstModel ?? model,
    protocol,
    ...(apiKey !== undefined && { apiKey }),
    timeoutMs,
    signal,
  })
  const embedAll = async (dimension: number | undefined) => {
    const answers: Awaited<ReturnType<typeof remote.embed>>[] = []
    const waiting = texts.entries()
    const lane = async () => {
      for (const [i, text] of waiting) {
        answers[i] = await remote
          .embed(text, { textType, ...(dimension !== undefined && { dimension }) })
          .catch((error: unknown) => {
            throw isTooLong(error)
              ? new UserError(`${against}: text ${i + 1} has more tokens than the model there takes; leave it out.`)
              : error
          })
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    return answers
  }
  try {
    const answers = await embedAll(options.dimension)
    const vectors = answers.map(({ vector }) => vector)
    return {
      protocol: remote.protocol,
      vectors,
      tokens: answers.map(({ tokens }) => tokens),
      async inLength(dimension) {
        const [first] = vectors
        if (first !== undefined && first.length >= dimension) return vectors.map((vector) => shorten(vector, dimension))
        const asked = await embedAll(dimension).catch(() => answers)
        return asked.map(({ vector }) => vector)
      },
      close: () => remote.close(),
    }
  } catch (error) {
    await remote.close()
    throw error
  }
}

async function embedHere(
  texts: readonly string[],
  {
    own: model,
    catalog,
    embed,
    options,
    signal,
    offered,
  }: {
    own: TextModel
    catalog: Catalog
    embed: Embed
    options: VerifyOptions
    signal: AbortSignal
    offered: number
  },
): Promise<Side & { dimension: number }> {
  const dimension = options.dimension ?? (model.dimensions.includes(offered) ? offered : model.defaultDimension)
  const side: Side = { vectors: [], tokens: [] }
  for (let start = 0; start < texts.length; start += model.maxInputs) {
    const inputs = texts.slice(start, start + model.maxInputs)
    const { embeddings } = await embed(check(toRequest(model, { inputs, start, dimension, options }), catalog), {
      signal,
    })
    for (const { dense = new Float32Array(0), tokens } of embeddings) {
      side.vectors.push(dense)
      side.tokens.push(tokens)
    }
  }
  return { ...side, dimension: side.vectors[0]?.length ?? 0 }
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'too_long'
}

function toRequest(
  { id, dimensionChoice }: TextModel,
  {
    inputs,
    start,
    dimension,
    options: { textType },
  }: { inputs: string[]; start: number; dimension: number; options: VerifyOptions },
) {
  const hasChoice = dimensionChoice === 'listed' || dimensionChoice === 'any'
  return {
    model: id,
    inputs,
    textType,
    outputType: 'dense' as const,
    ...(hasChoice && { dimension }),
    fields: { inputs: `texts from ${start} on, text`, dimension: '--dimension' },
  }
}

interface Report {
  model: string
  here: Side & { dimension: number }
  there: OtherSide
  texts: readonly string[]
  compared: Comparison
  options: VerifyOptions
}

function toJson({ model, here, there, texts, compared, options }: Report): string {
  const { cosines, ...summary } = compared
  const rows = texts.map((_, index) => ({
    index,
    cosine: cosines?.[index],
    tokensHere: here.tokens[index],
    tokensThere: there.tokens[index],
  }))
  const { against, againstModel = model, textType } = options
  const dimensions = { here: here.dimension, there: there.vectors[0]?.length ?? 0 }
  const head = { model, against, againstModel, protocol: there.protocol, textType, dimensions, ...summary }
  return `${JSON.stringify({ ...head, tokensDiffer: countDifferent(here, there), texts: rows }, null, 2)}\n`
}

function toText({ model, here, there, texts, compared, options }: Report): string {
  const table = new Table({
    head: ['text', 'cosine', 'tokens here', 'there'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const [i, text] of texts.entries()) {
    const shown = text.length > SHOWN_UNITS ? `${text.slice(0, SHOWN_UNITS)}…`.toWellFormed() : text
    const cells = [compared.cosines?.[i]?.toFixed(6) ?? '–', here.tokens[i] ?? '–', there.tokens[i] ?? '–'].map(String)
    table.push([shown.replace(/\s+/g, ' '), ...cells])
  }
  const { verdict, leastCosine, meanCosine, agreement, neighbours, spearman } = compared
  const different = countDifferent(here, there)
  const lines = [
    `${model} here, ${options.againstModel ?? model} at ${options.against} (${there.protocol}), ${options.textType}s`,
    leastCosine === undefined
      ? `cosine       none: ${here.dimension} components here, ${there.vectors[0]?.length ?? 0} there`
      : `cosine       least ${leastCosine.toFixed(6)}, mean ${meanCosine?.toFixed(6)}, of ${here.dimension} components`,
    `neighbours   ${(agreement * 100).toFixed(1)} % of the ${neighbours} nearest of each text are the same`,
    `ranks        Spearman ${spearman?.toFixed(4) ?? '–'} of all pairs' similarities`,
    `tokens       ${different === undefined ? 'not told there' : `${different} of ${texts.length} texts differ`}`,
    '',
    `${verdict}: ${MEANING[verdict]}`,
  ]
  return `${table.toString()}\n\n${lines.join('\n')}\n`
}

const MEANING: Readonly<Record<Verdict, string>> = {
  'same space': 'vectors of both may be stored and compared with each other.',
  'same model, other arithmetic':
    'rankings nearly agree; embed queries and documents on one side where exactness matters.',
  different: 'nothing of one may be compared with anything of the other; documents have to be embedded anew.',
}

/** Texts whose tokens differ; `undefined` where the other server does not tell them. */
function countDifferent(here: Side, there: Side): number | undefined {
  if (there.tokens.every((tokens) => tokens === undefined)) return undefined
  return here.tokens.filter((tokens, i) => there.tokens[i] !== undefined && there.tokens[i] !== tokens).length
}

function wholeNumber(text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0) return number
  throw new InvalidArgumentError('It must be a whole number above 0.')
}

import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ApiError, type EmbedRequest, ERRORS } from '@quiver/protocol'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Pipeline, PipelineSettings } from '../assemble.js'
import { DEFAULT_MODEL } from '../catalog/catalog.js'
import { check } from '../catalog/check.js'
import { EXIT, UserError } from './exit.js'
import { createProgress } from './progress.js'
import { type Line, readLines } from './read-lines.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'
import { type Encoding, formatOf, openVectorFile, VECTOR_FORMATS, type VectorFormat } from './vector-file.js'
import type { VectorRow } from './vector-row.js'
import { withPipeline } from './with-pipeline.js'

interface EmbedOptions {
  model: string
  file?: string
  input?: string
  dimension?: number
  textType: 'query' | 'document'
  format?: VectorFormat
  encoding: Encoding
  output?: string
  skipEmpty?: boolean
}

/** Requests in flight: enough that no worker waits for the next batch to be read. */
const CONCURRENT_REQUESTS = 4
/** Work that a crash may cost. */
const CHECKPOINT_MS = 500

export function embedCommand(): Command {
  const command = new Command('embed')
    .description('Embed texts without a server: arguments, the lines of a file, or standard input.')
    .argument('[texts...]', 'texts to embed; without any, and without --file, lines are read from standard input')
    .option('--file <path>', 'one text a line, UTF-8; - is standard input')
    .option('--input <path>', 'the same as --file')
    .option('--model <id>', 'public model id', DEFAULT_MODEL)
    .option('--dimension <n>', "components of each vector (default: the model's)", wholeNumber)
    .addOption(new Option('--text-type <type>', 'use of the texts').choices(['query', 'document']).default('document'))
    .addOption(
      new Option('--format <format>', "output format (default: the output's ending, or jsonl)").choices(VECTOR_FORMATS),
    )
    .addOption(
      new Option('--encoding <encoding>', 'vectors in JSON lines').choices(['float', 'base64']).default('float'),
    )
    .option('--output <path>', 'file to write (default: standard output); appears when it is complete')
    .option('--skip-empty', 'leave out lines without text instead of stopping; "index" keeps the line number')
    .addHelpText(
      'after',
      `
With --input and --output a run that was interrupted, killed, or stopped by a full disk goes on where it was
when the same command is given again; what it has so far lies beside the output as .part.

A line ends with a line feed, as in a task; a byte order mark is no text, and what is not UTF-8 is an error.

Each JSON line is {"index", "embedding", "tokens"}, and so is each row of parquet. npy is a float32 array
of shape (texts, dimension).

Examples:
  $ quiver embed "风急天高猿啸哀" "渚清沙白鸟飞回"
  $ quiver embed --file news.txt --dimension 256 --output news.npy
  $ cut -f2 items.tsv | quiver embed --encoding base64 > items.jsonl`,
    )
  return addSettingsOptions(command, ['threads']).action((texts: string[], options: EmbedOptions, self: Command) =>
    embedTexts(texts, options, settingsOf(self)),
  )
}

async function embedTexts(texts: readonly string[], given: EmbedOptions, settings: PipelineSettings): Promise<void> {
  const path = given.file ?? given.input
  const format = given.format ?? formatOf(given.output)
  const options = { ...given, format, ...(path !== undefined && { file: path }) }
  const resumeKey = await resumeKeyOf(options)
  // A file that can be read twice is looked through first: an empty line at its end must not cost the hours before it.
  if (resumeKey !== undefined) for await (const _ of readLines(texts, options).lines);
  const { lines, total } = readLines(texts, options)
  const interrupted = new AbortController()
  process.once('SIGINT', () =>
    interrupted.abort(
      new UserError(
        resumeKey ? 'interrupted; the same command goes on.' : 'interrupted; nothing was kept.',
        EXIT.interrupted,
      ),
    ),
  )
  const output = await openVectorFile({ ...options, ...(resumeKey !== undefined && { resumeKey }) })
  const progress = createProgress('embedding', total)
  const { signal } = interrupted
  try {
    await withPipeline(settings, signal, async (pipeline) => {
      const left = linesFrom(lines, output.linesDone)
      let savedAtMs = performance.now()
      for await (const group of groupsOf(left, pipeline.catalog.get(options.model).maxInputs * CONCURRENT_REQUESTS)) {
        for (const row of await embedGroup(group, { options, pipeline, signal })) await output.write(row)
        progress.add(group.length)
        const isDue = performance.now() - savedAtMs > CHECKPOINT_MS
        if (isDue || signal.aborted) await output.checkpoint((group.at(-1)?.index ?? 0) + 1)
        if (isDue) savedAtMs = performance.now()
        signal.throwIfAborted()
      }
    })
    await output.finish()
  } catch (error) {
    if (resumeKey === undefined || isInputAtFault(error)) await output.discard()
    else await output.suspend()
    throw error instanceof ApiError ? new UserError(withoutWirePrefix(error.message)) : error
  } finally {
    progress.stop()
  }
}

/** Then the file must be changed, and what there is of its vectors is of no use; a full disk or a lost engine passes. */
function isInputAtFault(error: unknown): boolean {
  return error instanceof ApiError && ERRORS[error.row][0] < 500
}

/** What makes a run the same as an earlier one: the input as it is on the disk, and all that decides the output. */
async function resumeKeyOf({
  file,
  output,
  ...options
}: EmbedOptions & { format: VectorFormat }): Promise<string | undefined> {
  if (file === undefined || file === '-' || output === undefined) return undefined
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() !== true) return undefined
  const { model, dimension, textType, format, encoding, skipEmpty } = options
  const { size, mtimeMs } = found
  return JSON.stringify({ file: resolve(file), size, mtimeMs, model, dimension, textType, format, encoding, skipEmpty })
}

async function* linesFrom(lines: AsyncIterable<Line>, first: number): AsyncGenerator<Line> {
  for await (const line of lines) if (line.index >= first) yield line
}

/** The live service's preamble means nothing on a command line. */
function withoutWirePrefix(message: string): string {
  return message.replace(/^Value error, /, '')
}

function wholeNumber(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number)) throw new InvalidArgumentError('It must be a whole number.')
  return number
}

async function embedGroup(
  group: readonly Line[],
  { options, pipeline, signal }: { options: EmbedOptions; pipeline: Pipeline; signal: AbortSignal },
) {
  const { maxInputs } = pipeline.catalog.get(options.model)
  const batches = Array.from({ length: Math.ceil(group.length / maxInputs) }, (_, i) =>
    group.slice(i * maxInputs, (i + 1) * maxInputs),
  )
  const results = await Promise.all(
    batches.map(async (batch) => {
      const request = check(toRequest(batch, options), pipeline.catalog)
      const { embeddings } = await pipeline.embed(request, { signal })
      return embeddings.map(
        ({ dense = new Float32Array(0), tokens }, i): VectorRow => ({
          index: batch[i]?.index ?? i,
          dense,
          tokens,
        }),
      )
    }),
  )
  return results.flat()
}

function toRequest(batch: readonly Line[], { model, dimension, textType }: EmbedOptions): EmbedRequest {
  const first = batch[0]?.index ?? 0
  return {
    model,
    inputs: batch.map(({ text }) => text),
    textType,
    outputType: 'dense',
    ...(dimension === undefined ? {} : { dimension }),
    fields: { inputs: `texts from ${first} on, text`, dimension: '--dimension' },
  }
}

async function* groupsOf(lines: AsyncIterable<Line>, size: number): AsyncGenerator<Line[]> {
  let group: Line[] = []
  for await (const line of lines) {
    group.push(line)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

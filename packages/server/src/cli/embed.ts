import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { PipelineSettings } from '../assemble.js'
import { DEFAULT_MODEL } from '../catalog/catalog.js'
import { EXIT, UserError } from './exit.js'
import { readLines } from './read-lines.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'
import { formatOf, VECTOR_FORMATS, type VectorFormat } from './vector-file.js'
import { type RunFacts, type Wanted, writeEmbeddings } from './write-embeddings.js'

interface EmbedOptions extends Omit<Wanted, 'format'> {
  input?: string
  format?: VectorFormat
}

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
when the same command is given again; what it has so far lies beside the output as .part. With another model behind
the name since, it begins anew: a file has vectors of one space.

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
  const runFacts = await runFactsOf(options)
  // A file that can be read twice is looked through first: an empty line at its end must not cost the hours before it.
  if (runFacts !== undefined) for await (const _ of readLines(texts, options).lines);
  const { lines, total } = readLines(texts, options)
  const interrupted = new AbortController()
  process.once('SIGINT', () =>
    interrupted.abort(
      new UserError(
        runFacts ? 'interrupted; the same command goes on.' : 'interrupted; nothing was kept.',
        EXIT.interrupted,
      ),
    ),
  )
  await writeEmbeddings(lines, { options, settings, runFacts, total, signal: interrupted.signal })
}

/** What makes a run the same as an earlier one: the input as it is on the disk, and all that decides the output. */
async function runFactsOf({ file, output, ...options }: Wanted): Promise<RunFacts | undefined> {
  if (file === undefined || file === '-' || output === undefined) return undefined
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() !== true) return undefined
  const { model, dimension, textType, format, encoding, skipEmpty } = options
  const { size, mtimeMs } = found
  return { file: resolve(file), size, mtimeMs, model, dimension, textType, format, encoding, skipEmpty }
}

function wholeNumber(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number)) throw new InvalidArgumentError('It must be a whole number.')
  return number
}

import { ApiError } from '@quiver/protocol'
import { Command } from 'commander'
import type { PipelineSettings } from '../assemble.js'
import { DEFAULT_MODEL } from '../catalog/catalog.js'
import { UserError } from './exit.js'
import { readLines } from './read-lines.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'
import { withPipeline } from './with-pipeline.js'

interface TokensOptions {
  model: string
  file?: string
  json?: boolean
}

export function tokensCommand(): Command {
  const command = new Command('tokens')
    .description('Show the tokens of texts, exactly as usage counts them.')
    .argument('[texts...]', 'texts; without any, and without --file, lines are read from standard input')
    .option('--file <path>', 'one text a line, UTF-8; - is standard input')
    .option('--model <id>', 'public model id', DEFAULT_MODEL)
    .option('--json', 'one JSON line a text: {"index", "count", "ids", "tokens"}')
  return addSettingsOptions(command, []).action((texts: string[], options: TokensOptions, self: Command) =>
    showTokens(texts, options, settingsOf(self)),
  )
}

async function showTokens(
  texts: readonly string[],
  { model, file, json = false }: TokensOptions,
  settings: PipelineSettings,
): Promise<void> {
  const { lines } = readLines(texts, { skipEmpty: true, ...(file === undefined ? {} : { file }) })
  try {
    const { signal } = new AbortController()
    await withPipeline({ ...settings, threads: 1 }, signal, async (pipeline) => {
      for await (const { index, text } of lines) {
        const [tokens = []] = await pipeline.tokenize(pipeline.catalog.get(model), [text], signal)
        const shown = json
          ? JSON.stringify({
              index,
              count: tokens.length,
              ids: tokens.map(({ id }) => id),
              tokens: tokens.map((t) => t.text),
            })
          : `${String(tokens.length).padStart(6)}  ${tokens.map((token) => token.text).join('|')}`
        process.stdout.write(`${shown}\n`)
      }
    })
  } catch (error) {
    throw error instanceof ApiError ? new UserError(error.message) : error
  }
}

import Table from 'cli-table3'
import { Command } from 'commander'
import { assembleCatalog } from '../assemble.js'
import type { MultimodalModel } from '../catalog/multimodal-model.js'
import type { TextModel } from '../catalog/text-model.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function modelsCommand(): Command {
  const command = new Command('models')
    .description('List the models that are served, with their limits.')
    .option('--json', 'everything that is known of them, as JSON')
  return addSettingsOptions(command, []).action(async ({ json = false }: { json?: boolean }, self: Command) => {
    const catalog = await assembleCatalog(settingsOf(self))
    const [models, multimodal] = [catalog.list(), catalog.listMultimodal()]
    process.stdout.write(
      json
        ? `${JSON.stringify([...models, ...multimodal], null, 2)}\n`
        : `${tableOf(models)}\n${multimodalTableOf(multimodal)}`,
    )
  })
}

function tableOf(models: readonly TextModel[]): string {
  const table = new Table({
    head: ['model', 'dimensions (default)', 'texts', 'tokens a text', 'output', '¥ per 1k tokens', 'served by'],
    style: { head: [], border: [], compact: true },
  })
  for (const model of models) {
    table.push([
      model.id,
      dimensionsOf(model),
      String(model.maxInputs),
      model.maxInputTokens.toLocaleString('en-US'),
      model.outputs.join(', '),
      String(model.priceMicrosPer1kTokens / 1e6),
      model.aliasOf === undefined ? model.engine : `${model.engine} (${model.aliasOf})`,
    ])
  }
  return `${table.toString()}\n`
}

function multimodalTableOf(models: readonly MultimodalModel[]): string {
  const table = new Table({
    head: ['model', 'dimensions (default)', 'inputs', 'tokens a text', 'of', '¥ per 1k tokens', 'served by'],
    style: { head: [], border: [], compact: true },
  })
  for (const model of models) {
    table.push([
      model.id,
      dimensionsOf(model),
      String(model.maxInputs),
      model.maxTextTokens.toLocaleString('en-US'),
      model.kinds.join(', '),
      `text ${model.priceMicrosPer1kTextTokens / 1e6}, image ${model.priceMicrosPer1kImageTokens / 1e6}`,
      model.engine,
    ])
  }
  return `${table.toString()}\n`
}

/** A default that is not among the dimensions cannot be served here. */
function dimensionsOf({
  dimensions,
  defaultDimension,
}: Pick<TextModel, 'defaultDimension'> & Pick<MultimodalModel, 'dimensions'>): string {
  return dimensions.map((d) => (d === defaultDimension ? `(${d})` : String(d))).join(' ')
}

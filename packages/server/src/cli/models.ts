import Table from 'cli-table3'
import { Command } from 'commander'
import { assembleCatalog } from '../assemble.js'
import type { TextModel } from '../catalog/text-model.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function modelsCommand(): Command {
  const command = new Command('models')
    .description('List the models that are served, with their limits.')
    .option('--json', 'everything that is known of them, as JSON')
  return addSettingsOptions(command, []).action(async ({ json = false }: { json?: boolean }, self: Command) => {
    const models = (await assembleCatalog(settingsOf(self))).list()
    process.stdout.write(json ? `${JSON.stringify(models, null, 2)}\n` : tableOf(models))
  })
}

function tableOf(models: readonly TextModel[]): string {
  const table = new Table({
    head: ['model', 'dimensions (default)', 'texts', 'tokens a text', 'output', '¥ per 1k tokens', 'served by'],
    style: { head: [], border: [], compact: true },
  })
  for (const model of models) {
    const dimensions = model.dimensions.map((d) => (d === model.defaultDimension ? `(${d})` : String(d))).join(' ')
    table.push([
      model.id,
      dimensions,
      String(model.maxInputs),
      model.maxInputTokens.toLocaleString('en-US'),
      model.outputs.join(', '),
      String(model.priceMicrosPer1kTokens / 1e6),
      model.aliasOf === undefined ? model.engine : `${model.engine} (${model.aliasOf})`,
    ])
  }
  return `${table.toString()}\n`
}

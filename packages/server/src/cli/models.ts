import Table from 'cli-table3'
import { Command } from 'commander'
import { Catalog } from '../catalog/catalog.js'

export function modelsCommand(): Command {
  return new Command('models')
    .description('List the models that are served, with their limits.')
    .option('--json', 'as JSON, for programs')
    .action(({ json = false }: { json?: boolean }) => {
      process.stdout.write(json ? modelsAsJson() : modelsAsTable())
    })
}

function modelsAsJson(): string {
  return `${JSON.stringify(new Catalog().list(), null, 2)}\n`
}

function modelsAsTable(): string {
  const table = new Table({
    head: ['model', 'dimensions (default)', 'texts', 'tokens a text', 'output', 'engine'],
    style: { head: [], border: [], compact: true },
  })
  for (const model of new Catalog().list()) {
    const dimensions = model.dimensions.map((d) => (d === model.defaultDimension ? `(${d})` : String(d))).join(' ')
    table.push([
      model.id,
      dimensions,
      String(model.maxInputs),
      model.maxInputTokens.toLocaleString('en-US'),
      model.outputs.join(', '),
      model.engine,
    ])
  }
  return `${table.toString()}\n`
}

import Table from 'cli-table3'
import { Command } from 'commander'
import { PULLABLE } from '../catalog/pullable/all.js'
import { formatBytes } from '../pull/format-bytes.js'
import { listModels } from '../pull/model-store.js'
import { modalityOf, type PulledModel } from '../pull/pulled-model.js'
import { readServing } from '../serving-file.js'
import { bytesOf } from './pulled.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function listCommand(): Command {
  const command = new Command('list')
    .description('List the models that were pulled.')
    .option('--available', 'those that can be pulled by name instead')
    .option('--json', 'everything that is known of them, as JSON')
  return addSettingsOptions(command, ['home']).action(
    (flags: { available?: boolean; json?: boolean }, self: Command) => {
      const { home } = settingsOf(self)
      if (flags.available) {
        process.stdout.write(flags.json ? `${JSON.stringify(PULLABLE, null, 2)}\n` : available())
        return
      }
      const { models, broken } = listModels(home)
      const pulled = models.map(({ model }) => model)
      process.stdout.write(flags.json ? `${JSON.stringify(pulled, null, 2)}\n` : tableOf(pulled, readServing(home)))
      for (const { name, reason } of broken) process.stderr.write(`quiver: ${name} is damaged: ${reason}\n`)
    },
  )
}

function tableOf(models: readonly PulledModel[], serving: Readonly<Record<string, string>>): string {
  if (models.length === 0) return 'No model was pulled yet; quiver list --available names some.\n'
  const rows = models.map((model) => [
    model.name,
    `${model.engine} ${model.variant}`,
    modalityOf(model),
    String(model.dimension),
    formatBytes(bytesOf(model)),
    model.license ?? '',
    Object.keys(serving)
      .filter((id) => serving[id] === model.name)
      .join(', '),
  ])
  return tableWith(['model', 'engine', 'modality', 'dimension', 'size', 'license', 'serves'], rows)
}

function available(): string {
  const rows = PULLABLE.map(({ name, builds, dimensions, maxTokens, license, towers }) => [
    name,
    builds.map(({ engine, variant }) => `${engine} ${variant}`).join(', '),
    towers === undefined ? 'text' : 'multimodal',
    String(dimensions.at(-1)),
    maxTokens.toLocaleString('en-US'),
    license.terms === undefined ? license.id : `${license.id} (terms)`,
  ])
  return tableWith(['model', 'engines (usual first)', 'modality', 'dimension', 'tokens', 'license'], rows)
}

function tableWith(head: string[], rows: string[][]): string {
  const table = new Table({ head, style: { head: [], border: [], compact: true } })
  table.push(...rows)
  return `${table.toString()}\n`
}

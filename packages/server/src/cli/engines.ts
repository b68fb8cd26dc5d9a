import Table from 'cli-table3'
import { Command } from 'commander'
import { installEngine, removeEngine } from '../engines/install.js'
import { installStateOf, ON_DEMAND } from '../engines/on-demand.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function enginesCommand(): Command {
  const engines = new Command('engines').description('Engines that are installed when they are needed.')
  const list = new Command('list')
    .description('Which there are, and which are installed.')
    .option('--json', 'the same as JSON')
    .action(async ({ json = false }: { json?: boolean }, self: Command) => {
      const { home } = settingsOf(self)
      const rows = await Promise.all(
        ON_DEMAND.map(async ({ id, title, packages, megabytes }) => {
          const state = await installStateOf(home, id)
          return { id, state, packages, megabytes, title }
        }),
      )
      process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : tableOf(rows))
    })
  const add = new Command('add')
    .description('Install an engine into QUIVER_HOME, or bring it to the version of this release. Needs npm.')
    .argument('<engine>', 'llama-cpp')
    .action(async (id: string, _: unknown, self: Command) => {
      const stop = new AbortController()
      const abort = () => stop.abort()
      process.once('SIGINT', abort)
      try {
        const onStep = (step: string) => process.stderr.write(`${step}\n`)
        const folder = await installEngine(id, { home: settingsOf(self).home, signal: stop.signal, onStep })
        process.stdout.write(`${id} is installed in ${folder}\n`)
      } finally {
        process.removeListener('SIGINT', abort)
      }
    })
  const remove = new Command('remove')
    .description('Remove an installed engine. Models stay.')
    .argument('<engine>', 'llama-cpp')
    .action(async (id: string, _: unknown, self: Command) => {
      const wasThere = await removeEngine(settingsOf(self).home, id)
      process.stdout.write(wasThere ? `${id} is removed\n` : `${id} was not installed\n`)
    })
  for (const command of [list, add, remove]) engines.addCommand(addSettingsOptions(command, ['home']))
  return engines
}

interface Row {
  id: string
  state: string
  packages: Readonly<Record<string, string>>
  megabytes: number
  title: string
}

function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: ['engine', 'state', 'version', 'size', 'for'],
    style: { head: [], border: [], compact: true },
  })
  for (const { id, state, packages, megabytes, title } of rows) {
    table.push([id, state, Object.values(packages).join(', '), `${megabytes} MB`, title])
  }
  return `${table.toString()}\n`
}

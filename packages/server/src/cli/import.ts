import { Command } from 'commander'
import { prepareHome } from '../home.js'
import { importModel } from '../pull/archive.js'
import { createFileProgress } from './file-progress.js'
import { interruptible } from './interruptible.js'
import { checkFreeName, describe } from './pulled.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function importCommand(): Command {
  const command = new Command('import')
    .description('Bring in a model from an archive of quiver export, every file checked.')
    .argument('<archive>', 'the tar archive')
    .option('--as <name>', 'name to keep it under (default: its own)')
  return addSettingsOptions(command, ['home']).action(
    async (archive: string, { as: name }: { as?: string }, self: Command) => {
      const { home } = settingsOf(self)
      prepareHome(home)
      const progress = createFileProgress()
      try {
        const { model } = await interruptible('nothing was imported.', (signal) =>
          importModel(archive, {
            home,
            ...(name === undefined ? {} : { name }),
            signal,
            onPlan: (model) => {
              checkFreeName(model.name)
              progress.plan(Object.entries(model.files).map(([path, { bytes }]) => ({ path, bytes })))
            },
            onBytes: progress.add,
          }),
        )
        progress.stop()
        process.stdout.write(describe(model))
      } finally {
        progress.stop()
      }
    },
  )
}

import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { exportModel } from '../pull/archive.js'
import { getModel } from '../pull/model-store.js'
import { UserError } from './exit.js'
import { interruptible } from './interruptible.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function exportCommand(): Command {
  const command = new Command('export')
    .description('Write a pulled model into one tar archive, for a machine without a network.')
    .argument('<name>', 'its name')
    .argument('<archive>', 'file to write; appears when it is complete')
  return addSettingsOptions(command, ['home']).action(
    async (name: string, archive: string, _options: unknown, self: Command) => {
      if (existsSync(archive)) throw new UserError(`${archive} exists already; it is not overwritten.`)
      const stored = getModel(settingsOf(self).home, name)
      await interruptible('no archive was left.', (signal) => exportModel(stored, archive, signal))
      process.stdout.write(`${archive} holds ${name}; quiver import ${archive} brings it in.\n`)
    },
  )
}

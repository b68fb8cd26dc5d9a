import { Command } from 'commander'
import { findDamage, getModel } from '../pull/model-store.js'
import { UserError } from './exit.js'
import { interruptible } from './interruptible.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function showCommand(): Command {
  const command = new Command('show')
    .description('Show everything that is known of a pulled model, as JSON.')
    .argument('<name>', 'its name')
    .option('--check', 'compute the hash of every file again')
  return addSettingsOptions(command, ['home']).action(
    async (name: string, { check = false }: { check?: boolean }, self: Command) => {
      const stored = getModel(settingsOf(self).home, name)
      process.stdout.write(`${JSON.stringify({ ...stored.model, folder: stored.folder }, null, 2)}\n`)
      if (!check) return
      const damaged = await interruptible('nothing was changed.', (signal) => findDamage(stored, signal))
      if (damaged.length === 0) process.stderr.write('every file is as it was pulled\n')
      else throw new UserError(`${name} is damaged: ${damaged.join(', ')}. \`quiver rm ${name}\`, then pull it again.`)
    },
  )
}

import { Command } from 'commander'
import { callbackSecretOf } from '../assemble-jobs.js'
import { secretOf } from '../assemble-storage.js'
import { prepareHome } from '../home.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function callbackSecretCommand(): Command {
  const command = new Command('callback-secret').description(
    'Print the secret that callbacks of batches are signed with, for those who verify them.',
  )
  return addSettingsOptions(command, ['home', 'secret', 'callbackSecret']).action((_options, self: Command) => {
    const settings = settingsOf(self)
    prepareHome(settings.home)
    process.stdout.write(`${callbackSecretOf(settings, secretOf(settings))}\n`)
  })
}

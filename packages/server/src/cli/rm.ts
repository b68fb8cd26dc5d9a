import { Command } from 'commander'
import { checkName, removeModel } from '../pull/model-store.js'
import { readServing } from '../serving-file.js'
import { UserError } from './exit.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function rmCommand(): Command {
  const command = new Command('rm')
    .description('Remove pulled models, and what unfinished pulls of them left.')
    .argument('<names...>', 'their names')
  return addSettingsOptions(command, ['home']).action(async (names: string[], _options, self: Command) => {
    const { home } = settingsOf(self)
    const serving = Object.entries(readServing(home))
    for (const name of names.map(checkName)) {
      const [id] = serving.find(([, served]) => served === name) ?? []
      if (id !== undefined) {
        throw new UserError(
          `${name} answers as ${id}; \`quiver use ${id} builtin\` goes back to the built-in model first.`,
        )
      }
      if (!(await removeModel(home, name))) throw new UserError(`there is no pulled model ${name}.`)
      process.stdout.write(`${name} is removed.\n`)
    }
  })
}

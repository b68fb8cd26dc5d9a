import { Command } from 'commander'
import { OWN_MODELS } from '../catalog/catalog.js'
import { toTextModel } from '../catalog/pulled-models.js'
import { putBehind } from '../catalog/serving.js'
import { findRunningServer } from '../home.js'
import { getModel } from '../pull/model-store.js'
import { changeServing, readServing } from '../serving-file.js'
import { EXIT, UserError } from './exit.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

/** What stands for the model that is always there. */
const BUILTIN = 'builtin'

export function useCommand(): Command {
  const command = new Command('use')
    .description('Put a pulled model behind a public name, or the built-in one again.')
    .argument('<public>', 'public model id, as quiver models lists it')
    .argument('<model>', `name of a pulled model, or ${BUILTIN}`)
    .addHelpText(
      'after',
      `
Models of the same name under "models" in the configuration file win over this.

Examples:
  $ quiver use text-embedding-v4 qwen3-embedding-0.6b
  $ quiver use text-embedding-v4 ${BUILTIN}`,
    )
  return addSettingsOptions(command, ['home']).action(
    async (id: string, name: string, _options: unknown, self: Command) => {
      const { home } = settingsOf(self)
      const model = OWN_MODELS.find((own) => own.id === id)
      if (model === undefined) {
        const ids = OWN_MODELS.map((own) => own.id).join(', ')
        throw new UserError(
          `${id} is no public name; there are ${ids}. A pulled model answers under its own name anyway.`,
          EXIT.usage,
        )
      }
      if (name === BUILTIN) {
        if (readServing(home)[id] === undefined) throw new UserError(`${id} has the built-in model behind it already.`)
        await changeServing(home, id, undefined)
        process.stdout.write(`${id} is computed by the built-in model again.\n${consequences(home)}`)
        return
      }
      const served = putBehind(model, toTextModel(getModel(home, name).model))
      await changeServing(home, id, name)
      const tokens = served.maxInputTokens.toLocaleString('en-US')
      const dimensions = `${served.dimensions.join(', ')} (${served.defaultDimension} unless asked for)`
      process.stdout.write(
        `${id} is computed by ${name}: dimensions ${dimensions}, texts up to ${tokens} tokens.\n${consequences(home)}`,
      )
    },
  )
}

/** Said every time: vectors of two models cannot be compared, and nothing fails when somebody does. */
function consequences(home: string): string {
  const running = findRunningServer(home)
  const restart =
    running === undefined ? '' : `The server at ${running.url} goes on as before until it is started again.\n`
  return `${restart}Vectors made before are of another space: embed again what is stored.\n`
}

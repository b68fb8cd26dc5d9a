import { Command } from 'commander'
import { OWN_MULTIMODAL_MODELS } from '../catalog/catalog.js'
import { nameFor } from '../catalog/multimodal-names.js'
import { findDamage, getModel } from '../pull/model-store.js'
import { modalityOf, type PulledModel } from '../pull/pulled-model.js'
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
      process.stdout.write(`${JSON.stringify({ ...known(stored.model), folder: stored.folder }, null, 2)}\n`)
      if (!check) return
      const damaged = await interruptible('nothing was changed.', (signal) => findDamage(stored, signal))
      if (damaged.length === 0) process.stderr.write('every file is as it was pulled\n')
      else throw new UserError(`${name} is damaged: ${damaged.join(', ')}. \`quiver rm ${name}\`, then pull it again.`)
    },
  )
}

/** With what it could answer as, if it takes pictures: a name that is wider than its vectors fills them up with zeros. */
function known(model: PulledModel): object {
  const modality = modalityOf(model)
  if (modality === 'text') return { modality, ...model }
  const canAnswerAs = OWN_MULTIMODAL_MODELS.flatMap((own) => {
    const served = nameFor(own, model)
    return served === undefined ? [] : [{ id: own.id, dimensions: served.model.dimensions, zeros: served.zeros }]
  })
  return { modality, ...model, canAnswerAs }
}

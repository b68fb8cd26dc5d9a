import { Command } from 'commander'
import { BUILTIN_MODELS } from '../catalog/builtin-models.js'
import { OWN_MODELS, OWN_MULTIMODAL_MODELS } from '../catalog/catalog.js'
import type { MultimodalModel } from '../catalog/multimodal-model.js'
import { nameFor } from '../catalog/multimodal-names.js'
import { toTextModel } from '../catalog/pulled-models.js'
import { putBehind } from '../catalog/serving.js'
import type { TextModel } from '../catalog/text-model.js'
import { findRunningServer } from '../home.js'
import { getModel } from '../pull/model-store.js'
import { modalityOf, type PulledModel } from '../pull/pulled-model.js'
import { changeServing, readServing } from '../serving-file.js'
import { EXIT, UserError } from './exit.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

/** What stands for the model that is always there. */
const BUILTIN = 'builtin'

/** What can be put behind a public name: a model that comes with the package, or one that was pulled. */
type Behind = TextModel | PulledModel

function isPulled(behind: Behind): behind is PulledModel {
  return 'pulledAt' in behind
}

export function useCommand(): Command {
  const command = new Command('use')
    .description(
      'Put a pulled model, or the larger built-in one, behind a public name, or the usual built-in one again.',
    )
    .argument('<public>', 'public model id, as quiver models lists it')
    .argument('<model>', `name of a pulled model, ${BUILTIN_MODELS.map(({ id }) => id).join(', ')}, or ${BUILTIN}`)
    .addHelpText(
      'after',
      `
Models of the same name under "models" in the configuration file win over this.

Examples:
  $ quiver use text-embedding-v4 qwen3-embedding-0.6b
  $ quiver use text-embedding-v4 ${BUILTIN_MODELS.map(({ id }) => id).join(' ')}
  $ quiver use multimodal-embedding-v1 siglip2-base-patch16-256
  $ quiver use text-embedding-v4 ${BUILTIN}`,
    )
  return addSettingsOptions(command, ['home']).action(
    async (id: string, name: string, _options: unknown, self: Command) => {
      const { home } = settingsOf(self)
      const describe = describerOf(id)
      if (describe === undefined) {
        const ids = [...OWN_MODELS, ...OWN_MULTIMODAL_MODELS].map((own) => own.id).join(', ')
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
      const said = describe(BUILTIN_MODELS.find((own) => own.id === name) ?? getModel(home, name).model)
      await changeServing(home, id, name)
      process.stdout.write(`${id} is computed by ${name}: ${said}.\n${consequences(home)}`)
    },
  )
}

/** Says what a public name becomes with a model behind it, which throws where it cannot. Undefined for no public name. */
function describerOf(id: string): ((behind: Behind) => string) | undefined {
  const text = OWN_MODELS.find((own) => own.id === id)
  if (text !== undefined) return (behind) => describeText(text, behind)
  const seeing = OWN_MULTIMODAL_MODELS.find((own) => own.id === id)
  return seeing && ((behind) => describeSeeing(seeing, behind))
}

/** @throws {UserError} for a model of texts and pictures. */
function describeText(model: TextModel, behind: Behind): string {
  if (isPulled(behind) && modalityOf(behind) === 'multimodal') {
    throw wrongKind(model.id, behind.name, OWN_MULTIMODAL_MODELS)
  }
  const served = putBehind(model, isPulled(behind) ? toTextModel(behind) : behind)
  const dimensions = `${served.dimensions.join(', ')} (${served.defaultDimension} unless asked for)`
  return `dimensions ${dimensions}, texts up to ${served.maxInputTokens.toLocaleString('en-US')} tokens`
}

/** @throws {UserError} for a model of texts, or one that has none of the name's dimensions. */
function describeSeeing(model: MultimodalModel, behind: Behind): string {
  const { id, dimensions } = model
  if (!isPulled(behind)) throw wrongKind(id, behind.id, OWN_MODELS)
  const { name, dimension } = behind
  if (modalityOf(behind) === 'text') throw wrongKind(id, name, OWN_MODELS)
  const served = nameFor(model, behind)
  if (served === undefined) {
    throw new UserError(
      `${id} offers dimensions ${dimensions.join(', ')}; ${name} computes ${dimension} and was not trained for fewer. It answers under its own name.`,
    )
  }
  const { zeros } = served
  const filled = zeros === 0 ? '' : ` (${dimension} of its own, then ${zeros} zeros: every cosine stays as it is)`
  const tokens = served.model.maxTextTokens.toLocaleString('en-US')
  return `dimensions ${served.model.dimensions.join(', ')}${filled}, texts cut at ${tokens} tokens`
}

function wrongKind(id: string, name: string, names: readonly { id: string }[]): UserError {
  const there = names.map((one) => one.id).join(', ')
  return new UserError(`${name} cannot answer as ${id}, which takes other inputs; it can answer as one of ${there}.`)
}

/** Said every time: vectors of two models cannot be compared, and nothing fails when somebody does. */
function consequences(home: string): string {
  const running = findRunningServer(home)
  const restart =
    running === undefined ? '' : `The server at ${running.url} goes on as before until it is started again.\n`
  return `${restart}Vectors made before are of another space: embed again what is stored.\n`
}

import { BUILTIN_MODELS } from '../catalog/builtin-models.js'
import { OWN_MODELS, OWN_MULTIMODAL_MODELS } from '../catalog/catalog.js'
import { roundingNote } from '../catalog/pullable/rounding.js'
import { formatBytes } from '../pull/format-bytes.js'
import { checkName } from '../pull/model-store.js'
import { modalityOf, type PulledModel } from '../pull/pulled-model.js'
import { UserError } from './exit.js'

/** A name that a pulled model may take. @throws {PullError} or {UserError} saying which may not. */
export function checkFreeName(name: string): string {
  const own = [...OWN_MODELS, ...BUILTIN_MODELS, ...OWN_MULTIMODAL_MODELS]
  const taken = [...own.flatMap(({ id, engine }) => [id, engine]), 'builtin']
  if (!taken.includes(name)) return checkName(name)
  throw new UserError(`${name} is a public name; choose another with --as, and put it behind with \`quiver use\`.`)
}

export function bytesOf({ files }: PulledModel): number {
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Two lines for a terminal; a third for weights of few bits. */
export function describe(model: PulledModel): string {
  const { name, engine, variant, dimension, maxTokens, license = 'unknown license', source } = model
  const takes = modalityOf(model) === 'text' ? '' : 'texts and pictures, '
  const shape = `${takes}${dimension} components, ${maxTokens.toLocaleString('en-US')} tokens`
  const note = roundingNote(model)
  return `${name}: ${engine} ${variant}, ${shape}, ${formatBytes(bytesOf(model))}, ${license}\n  ${source}\n${note === undefined ? '' : `  ${note}\n`}`
}

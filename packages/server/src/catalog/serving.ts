import type { TextModel } from './text-model.js'

/** Public model id → name of the pulled model that answers under it. */
export type Serving = Readonly<Record<string, string>>

/**
 * Put pulled models behind public names, and their own names beside them.
 *
 * What answers under other names too (`aliasOf`) goes along, unless it was put behind a model of its own.
 *
 * @returns the models, and every mistake as a sentence.
 */
export function applyServing(
  models: readonly TextModel[],
  pulled: readonly TextModel[],
  serving: Serving,
): { models: TextModel[]; mistakes: string[] } {
  const mistakes: string[] = []
  const ids = new Set(models.map(({ id }) => id))
  for (const { id } of pulled) {
    if (ids.has(id)) mistakes.push(`${id}: a pulled model has the name of a public one; pull it again with --as.`)
  }
  const byName = new Map(pulled.map((model) => [model.id, model]))
  for (const [id, name] of Object.entries(serving)) {
    if (!ids.has(id)) mistakes.push(`${id}: there is no such public model.`)
    if (!byName.has(name))
      mistakes.push(`${id}: the model ${name} was not pulled, or is damaged; \`quiver use ${id} builtin\` goes back.`)
  }
  const served = models.map((model) => {
    const name = serving[model.id] ?? (model.aliasOf === undefined ? undefined : serving[model.aliasOf])
    const behind = name === undefined ? undefined : byName.get(name)
    return behind === undefined ? model : putBehind(model, behind)
  })
  return { models: [...served, ...pulled.filter(({ id }) => !ids.has(id))], mistakes }
}

/**
 * A public model that another one computes: its own name, rows, outputs and prices; of dimensions and tokens only what both
 * have. Nothing is padded: a public model of one dimension gets the whole vector of the model behind it if that has no such
 * dimension.
 */
export function putBehind(model: TextModel, behind: TextModel): TextModel {
  const dimensions = model.dimensions.filter((dimension) => isOffered(dimension, behind))
  const [first = behind.defaultDimension, ...more] = dimensions
  const offered: [number, ...number[]] = [first, ...more]
  const largest = offered.at(-1) ?? first
  const isAnyLeft = behind.dimensionChoice === 'any'
  return {
    ...model,
    engine: behind.engine,
    dimensions: offered,
    defaultDimension: offered.includes(model.defaultDimension) ? model.defaultDimension : largest,
    dimensionChoice: model.dimensionChoice === 'any' && !isAnyLeft ? 'listed' : model.dimensionChoice,
    maxInputTokens: Math.min(model.maxInputTokens, behind.maxInputTokens),
    hasInstruct: model.hasInstruct && behind.hasInstruct,
    languages: behind.languages,
  }
}

function isOffered(dimension: number, { dimensions, dimensionChoice }: TextModel): boolean {
  const [least = 1] = dimensions
  const most = dimensions.at(-1) ?? 0
  return dimensionChoice === 'any' ? dimension >= least && dimension <= most : dimensions.includes(dimension)
}

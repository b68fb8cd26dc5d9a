import type { MultimodalModel } from './multimodal-model.js'
import type { Serving } from './serving.js'

/** The part of what `quiver use` put behind public names that is about these models, and the rest. */
export function splitServing(
  serving: Serving,
  models: readonly Pick<MultimodalModel, 'id'>[],
): { multimodal: Serving; text: Serving } {
  const ids = new Set(models.map(({ id }) => id))
  const entries = Object.entries(serving)
  return {
    multimodal: Object.fromEntries(entries.filter(([id]) => ids.has(id))),
    text: Object.fromEntries(entries.filter(([id]) => !ids.has(id))),
  }
}

/**
 * Put pulled models behind public names, and their own names beside them.
 *
 * @returns the models, and every mistake as a sentence.
 */
export function applyMultimodalServing(
  models: readonly MultimodalModel[],
  pulled: readonly MultimodalModel[],
  serving: Serving,
): { models: MultimodalModel[]; mistakes: string[] } {
  const mistakes: string[] = []
  const ids = new Set(models.map(({ id }) => id))
  for (const { id } of pulled) {
    if (ids.has(id)) mistakes.push(`${id}: a pulled model has the name of a public one; pull it again with --as.`)
  }
  const byName = new Map(pulled.map((model) => [model.id, model]))
  const served = models.map((model) => {
    const name = serving[model.id]
    if (name === undefined) return model
    const behind = byName.get(name)
    if (behind !== undefined) return putMultimodalBehind(model, behind)
    mistakes.push(
      `${model.id}: the model ${name} was not pulled, is damaged, or does not see; \`quiver use ${model.id} builtin\` goes back.`,
    )
    return model
  })
  return { models: [...served, ...pulled.filter(({ id }) => !ids.has(id))], mistakes }
}

/** A public model that another one computes: its own name, inputs, dimensions and prices; of a text only what both take. */
export function putMultimodalBehind(model: MultimodalModel, behind: MultimodalModel): MultimodalModel {
  const { engine, languages } = behind
  return { ...model, engine, languages, maxTextTokens: Math.min(model.maxTextTokens, behind.maxTextTokens) }
}

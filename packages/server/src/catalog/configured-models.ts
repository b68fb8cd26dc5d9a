import { z } from 'zod'
import { TextModel } from './text-model.js'

/** One entry under `models` in the configuration file: what differs from the model of this id, or from `extends`. */
export const ModelEntry = TextModel.omit({ id: true, aliasOf: true })
  .partial()
  .extend({ extends: z.string().optional().describe('Id of the model from which the rest is taken.') })
export type ModelEntry = z.output<typeof ModelEntry>

/** Engine model id → components of its raw vector; what an entry may promise. */
export type EngineDimensions = ReadonlyMap<string, number>

/**
 * Models with a user's entries: an entry of a known id changes that model, any other adds one.
 *
 * @param base the catalog's own models, and pulled ones.
 * @returns the models, and every mistake as a sentence that starts with the path in the file.
 */
export function configuredModels(
  entries: Readonly<Record<string, ModelEntry>>,
  engines: EngineDimensions,
  base: readonly TextModel[],
): { models: TextModel[]; mistakes: string[] } {
  const models = new Map(base.map((model) => [model.id, model]))
  const mistakes: string[] = []
  for (const [id, { extends: parent, ...changes }] of Object.entries(entries)) {
    const start = models.get(parent ?? id)
    if (start === undefined) {
      const known = [...models.keys()].join(', ')
      mistakes.push(
        parent === undefined
          ? `models.${id}: is a new model, so \`extends\` must name the one it is like: ${known}.`
          : `models.${id}.extends: there is no model ${parent}; there are ${known}.`,
      )
      continue
    }
    const { aliasOf: _, ...rest } = start
    const parsed = TextModel.safeParse({ ...(parent === undefined || parent === id ? start : rest), ...changes, id })
    const found = parsed.success ? inconsistencies(parsed.data, engines) : parsed.error.issues.map(describe)
    mistakes.push(...found.map((mistake) => `models.${id}.${mistake}`))
    if (parsed.success) models.set(id, parsed.data)
  }
  return { models: [...models.values()], mistakes }
}

/** What a schema cannot see: fields that contradict each other, or promise what the engine has not. */
function inconsistencies(model: TextModel, engines: EngineDimensions): string[] {
  const { dimensions, defaultDimension, engine } = model
  const mistakes: string[] = []
  const most = engines.get(engine)
  const largest = dimensions.at(-1) ?? 0
  if (most === undefined) mistakes.push(`engine: there is no ${engine}; there are ${[...engines.keys()].join(', ')}.`)
  else if (largest > most) mistakes.push(`dimensions: ${engine} computes ${most} components, got ${largest}.`)
  if (!dimensions.includes(defaultDimension)) {
    mistakes.push(`defaultDimension: must be one of dimensions (${dimensions.join(', ')}), got ${defaultDimension}.`)
  }
  return mistakes
}

function describe({ path, message }: z.core.$ZodIssue): string {
  return `${path.join('.')}: ${message}.`
}

import { ApiError } from '@quiver/protocol'
import { OTHER_NAMES } from './other-names.js'
import { TEXT_EMBEDDING } from './text-embedding.js'
import type { TextModel } from './text-model.js'

/** What the command line uses when nothing is asked for: the newest model. */
export const DEFAULT_MODEL = TEXT_EMBEDDING[0].id

/** The models that are there without any configuration, newest first, other names last. */
export const OWN_MODELS: readonly TextModel[] = [...TEXT_EMBEDDING, ...OTHER_NAMES]

/** Every public model. */
export class Catalog {
  readonly #models: ReadonlyMap<string, TextModel>

  constructor(models: readonly TextModel[] = OWN_MODELS) {
    this.#models = new Map(models.map((model) => [model.id, model]))
  }

  list(): TextModel[] {
    return [...this.#models.values()]
  }

  /** @throws {ApiError} `model_not_found`, in the words of either dialect. Ids are case-sensitive. */
  get(id: string): TextModel {
    const model = this.#models.get(id)
    if (model !== undefined) return model
    const shown = id.length > 100 ? `${id.slice(0, 100)}…` : id
    throw new ApiError('model_not_found', `The model \`${shown}\` does not exist or you do not have access to it.`, {
      param: 'model',
      messages: { dashscope: 'Model not exist.', ollama: `model '${shown}' not found` },
    })
  }
}

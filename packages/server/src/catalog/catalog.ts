import { ApiError } from '@quiver/protocol'
import { MULTIMODAL_EMBEDDING } from './multimodal-embedding.js'
import type { MultimodalModel } from './multimodal-model.js'
import { OTHER_NAMES } from './other-names.js'
import { TEXT_EMBEDDING } from './text-embedding.js'
import type { TextModel } from './text-model.js'

/** What the command line uses when nothing is asked for: the newest model. */
export const DEFAULT_MODEL = TEXT_EMBEDDING[0].id

/** The models that are there without any configuration, newest first, other names last. */
export const OWN_MODELS: readonly TextModel[] = [...TEXT_EMBEDDING, ...OTHER_NAMES]

/** The models of texts, pictures and videos that are there without any configuration, usual ones first. */
export const OWN_MULTIMODAL_MODELS: readonly MultimodalModel[] = MULTIMODAL_EMBEDDING

/** Every public model. An id is of one kind: of texts, or of texts, pictures and videos. */
export class Catalog {
  readonly #models: ReadonlyMap<string, TextModel>
  readonly #multimodal: ReadonlyMap<string, MultimodalModel>

  constructor(
    models: readonly TextModel[] = OWN_MODELS,
    multimodal: readonly MultimodalModel[] = OWN_MULTIMODAL_MODELS,
  ) {
    this.#models = new Map(models.map((model) => [model.id, model]))
    this.#multimodal = new Map(multimodal.map((model) => [model.id, model]))
  }

  /** Models of texts. */
  list(): TextModel[] {
    return [...this.#models.values()]
  }

  listMultimodal(): MultimodalModel[] {
    return [...this.#multimodal.values()]
  }

  /**
   * A model of texts. Ids are case-sensitive.
   *
   * @throws {ApiError} `model_not_found`, in the words of either dialect; `invalid_parameter` for one that is multimodal.
   */
  get(id: string): TextModel {
    const model = this.#models.get(id)
    if (model !== undefined) return model
    throw this.#multimodal.has(id) ? wrongEndpoint(`${id} is a multimodal model.`) : notFound(id)
  }

  findMultimodal(id: string): MultimodalModel | undefined {
    return this.#multimodal.get(id)
  }

  /** @throws {ApiError} `model_not_found`; `invalid_parameter` for a model of texts. */
  getMultimodal(id: string): MultimodalModel {
    const model = this.#multimodal.get(id)
    if (model !== undefined) return model
    throw this.#models.has(id) ? wrongEndpoint(`${id} is a model of texts.`) : notFound(id)
  }
}

function notFound(id: string): ApiError {
  const shown = id.length > 100 ? `${id.slice(0, 100)}…` : id
  return new ApiError('model_not_found', `The model \`${shown}\` does not exist or you do not have access to it.`, {
    param: 'model',
    messages: { dashscope: 'Model not exist.', ollama: `model '${shown}' not found` },
  })
}

/** The service's words, its full-width exclamation mark and its address included: programs search for them. */
const URL_ERROR =
  'url error, please check url！ For details, see: https://help.aliyun.com/zh/model-studio/error-code#error-url'

function wrongEndpoint(reason: string): ApiError {
  return new ApiError('invalid_parameter', `${reason} It has another endpoint.`, {
    param: 'model',
    messages: { dashscope: URL_ERROR },
  })
}

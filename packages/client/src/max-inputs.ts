import type { CallScope } from './call-scope.js'
import { type ModelLimits, toModel } from './model.js'
import { QuiverError } from './quiver-error.js'
import type { Transport } from './transport.js'
import type { OutputType } from './vectors.js'

/** How many texts a model takes in one request: asked of the server, once a model. */
export class MaxInputs {
  readonly #transport: Transport
  // Limits, not promises: calls that ask at the same time must not fail with each other's signals.
  readonly #known = new Map<string, ModelLimits>()

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** @throws {QuiverError} `model_not_found`; `invalid_answer` when the server does not tell. */
  async of(model: string, outputType: OutputType, scope: CallScope): Promise<number> {
    const { maxInputs, maxCompatibleInputs = maxInputs } = await this.#limitsOf(model, scope)
    // Only dense vectors come from the compatible endpoint.
    return outputType === 'dense' ? maxCompatibleInputs : maxInputs
  }

  async #limitsOf(model: string, scope: CallScope): Promise<ModelLimits> {
    const known = this.#known.get(model)
    if (known !== undefined) return known
    const { json } = await this.#transport.send({ path: `/v1/models/${encodeURIComponent(model)}` }, scope)
    const { limits } = toModel(json)
    if (limits === undefined) {
      const message = `The server does not tell how many texts ${model} takes in one request; give maxInputs.`
      throw new QuiverError(message, { code: 'invalid_answer' })
    }
    this.#known.set(model, limits)
    return limits
  }
}

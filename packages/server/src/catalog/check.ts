import {
  ApiError,
  type EmbedRequest,
  invalidInput,
  type OutputType,
  type Overlong,
  type TextType,
} from '@quiver/protocol'
import type { Catalog } from './catalog.js'
import type { TextModel } from './text-model.js'

/** A request that its model can serve; only the texts' lengths in tokens are still unknown. */
export interface CheckedRequest {
  model: TextModel
  inputs: readonly string[]
  dimension: number
  textType: TextType
  /** Task description for queries, where the public model has it. */
  instruct?: string | undefined
  outputType: OutputType
  /** What happens to a text of more tokens than the model takes. */
  overlong: Overlong
  /** Which end of a text that is cut is cut off. */
  cutAt: 'start' | 'end'
  /** Whether vectors are brought to unit length. */
  normalize: boolean
  /** What the caller calls the inputs, for errors that name one of them. */
  inputsField: string
}

/** What an operator, or a dialect, allows beyond the models' own limits. */
export interface CheckOptions {
  /** Texts in one request, where that is more than the model takes. */
  maxInputs?: number
  /** Whether a job asks; only jobs may use an asynchronous model. */
  isJob?: boolean
}

/**
 * Hold a request against its model's limits.
 *
 * @throws {ApiError} `model_not_found`, `asynchronous_only`, or `invalid_parameter` naming the field, the limit and what came.
 */
export function check(request: EmbedRequest, catalog: Catalog, options: CheckOptions = {}): CheckedRequest {
  const model = catalog.get(request.model)
  const { inputs, fields } = request
  if (model.asynchronous !== undefined && options.isJob !== true) {
    throw new ApiError('asynchronous_only', 'current user api does not support synchronous calls.', {
      param: 'model',
      messages: { openai: `Unsupported model ${model.id} for OpenAI compatibility mode.` },
    })
  }
  const maxInputs = Math.max(model.maxInputs, options.maxInputs ?? 0)
  if (inputs.length === 0) {
    throw new ApiError('missing_input', `${fields.inputs} is an empty list; give 1 to ${maxInputs} texts.`, {
      param: fields.inputs,
    })
  }
  if (inputs.length > maxInputs) {
    throw invalidInput(
      `Value error, batch size is invalid, it should not be larger than ${maxInputs}.: input.contents (${fields.inputs} has ${inputs.length} texts)`,
      fields.inputs,
    )
  }
  if (!model.outputs.includes(request.outputType)) {
    throw invalidInput(
      `Value error, output_type for ${model.id} should be in [${model.outputs.join(', ')}], got ${request.outputType}.`,
      'parameters.output_type',
    )
  }
  return {
    model,
    inputs,
    dimension: checkDimension(request, model),
    textType: request.textType,
    instruct: model.hasInstruct ? request.instruct : undefined,
    outputType: request.outputType,
    overlong: request.overlong ?? model.overlong,
    cutAt: request.cutAt ?? 'end',
    normalize: request.normalize ?? true,
    inputsField: fields.inputs,
  }
}

function checkDimension({ dimension, fields }: EmbedRequest, model: TextModel): number {
  const { id, dimensions, defaultDimension, dimensionChoice } = model
  if (dimension === undefined || dimensionChoice === 'ignored') return defaultDimension
  if (dimensionChoice === 'refused') {
    // OpenAI's own sentence for its model of one dimension.
    throw invalidInput(`This model does not support specifying dimensions (${id}, got ${dimension}).`, fields.dimension)
  }
  const largest = dimensions.at(-1) ?? defaultDimension
  if (dimensions.includes(dimension)) return dimension
  const isAny = dimensionChoice === 'any'
  if (isAny && Number.isInteger(dimension) && dimension >= 1 && dimension <= largest) return dimension
  const offered = isAny ? `a whole number from 1 to ${largest}` : `in [${dimensions.join(', ')}]`
  throw invalidInput(
    `Value error, dimension for ${id} is invalid, its value should be ${offered}, got ${dimension}.`,
    fields.dimension,
  )
}

import { ApiError, type EmbedRequest, type OutputType, type TextType } from '@quiver/protocol'
import type { Catalog } from './catalog.js'
import type { TextModel } from './text-model.js'

/** A request that its model can serve; only the texts' lengths in tokens are still unknown. */
export interface CheckedRequest {
  model: TextModel
  inputs: readonly string[]
  dimension: number
  textType: TextType
  outputType: OutputType
  /** What the caller calls the inputs, for errors that name one of them. */
  inputsField: string
}

/**
 * Hold a request against its model's limits.
 *
 * @throws {ApiError} `model_not_found`, or `invalid_parameter` naming the field, the limit and what came.
 */
export function check(request: EmbedRequest, catalog: Catalog): CheckedRequest {
  const model = catalog.get(request.model)
  const { inputs, fields } = request
  if (inputs.length === 0) {
    throw new ApiError('missing_input', `${fields.inputs} is an empty list; give 1 to ${model.maxInputs} texts.`, {
      param: fields.inputs,
    })
  }
  if (inputs.length > model.maxInputs) {
    throw invalid(
      `Value error, batch size is invalid, it should not be larger than ${model.maxInputs}.: input.contents (${fields.inputs} has ${inputs.length} texts)`,
      fields.inputs,
    )
  }
  if (!model.outputs.includes(request.outputType)) {
    throw invalid(
      `Value error, output_type for ${model.id} should be in [${model.outputs.join(', ')}], got ${request.outputType}.`,
      'parameters.output_type',
    )
  }
  return {
    model,
    inputs,
    dimension: checkDimension(request, model),
    textType: request.textType,
    outputType: request.outputType,
    inputsField: fields.inputs,
  }
}

function checkDimension({ dimension, fields }: EmbedRequest, model: TextModel): number {
  if (dimension === undefined || model.ignoresDimension) return model.defaultDimension
  if (model.dimensions.includes(dimension)) return dimension
  throw invalid(
    `Value error, dimension for ${model.id} is invalid, its value should be in [${model.dimensions.join(', ')}], got ${dimension}.`,
    fields.dimension,
  )
}

/** A fault in the live service's wording, which clients search for in the message. */
function invalid(detail: string, param: string): ApiError {
  return new ApiError('invalid_parameter', `<400> InternalError.Algo.InvalidParameter: ${detail}`, { param })
}

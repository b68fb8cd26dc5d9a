import { ApiError, type InputKind, type InputPart, isMediaSource, type MultimodalRequest } from '@quiver/protocol'
import type { MultimodalModel } from './multimodal-model.js'

/** A request that its model can serve; only what its files hold, and how long its texts are, is still unknown. */
export interface CheckedMultimodalRequest {
  model: MultimodalModel
  inputs: MultimodalRequest['inputs']
  /** Components of each vector; zeros may be among them where the model is padded. */
  dimension: number
  /** Whether one vector is made of all inputs together. */
  isFused: boolean
  fps: number
  maxFrames: number
  /** What a picture counts. */
  tokensPerImage: number
}

/** Most frames that a request may ask for. */
const MOST_FRAMES = 64
const USUAL_FRAMES = 8
/** Frames of a video that comes as a list of them; those above the frames asked for are left out evenly. */
const MAX_LISTED_FRAMES = 512
const USUAL_LEVEL = 1

/**
 * Hold a request against its model's limits.
 *
 * @param options.maxInputs inputs of any kinds that a dialect without limits of its own takes, where that is more.
 * @throws {ApiError} `missing_input`, or `invalid_parameter` naming the field, the limit and what came.
 */
export function checkMultimodal(
  request: MultimodalRequest,
  model: MultimodalModel,
  options: { maxInputs?: number } = {},
): CheckedMultimodalRequest {
  const { inputs, fields } = request
  checkNumbers(request, model, options)
  for (const part of inputs.flat()) checkPart(part, model)
  const fps = checkRange(request.fps ?? 1, { from: 0, to: 1, field: fields.fps })
  const maxFrames = checkWhole(request.maxFrames ?? USUAL_FRAMES, { from: 1, to: MOST_FRAMES, field: fields.maxFrames })
  return {
    model,
    inputs,
    dimension: checkDimension(request, model),
    isFused: checkFusion(request, model),
    fps,
    maxFrames,
    tokensPerImage: checkLevel(request, model),
  }
}

function checkNumbers(
  { inputs, fields }: MultimodalRequest,
  model: MultimodalModel,
  { maxInputs: allowed = 0 }: { maxInputs?: number },
): void {
  const maxInputs = Math.max(model.maxInputs, allowed)
  const field = fields.inputs
  if (inputs.length === 0) {
    throw new ApiError('missing_input', `${field} is an empty list; give 1 to ${maxInputs} inputs.`, { param: field })
  }
  if (inputs.length > maxInputs) {
    throw invalid(`${field} has ${inputs.length} inputs; ${model.id} takes ${maxInputs} in a request.`, field)
  }
  if (allowed > 0) return // a dialect of its own numbers
  const kinds = inputs.flat().map(({ kind }) => kind)
  for (const [kind, most] of Object.entries(model.maxOfKind)) {
    const came = kinds.filter((other) => other === kind).length
    if (came > most)
      throw invalid(`${field} has ${came} ${kind} inputs; ${model.id} takes ${most} in a request.`, field)
  }
}

function checkPart(part: InputPart, model: MultimodalModel): void {
  const { kind, field } = part
  if (!model.kinds.includes(kind)) {
    throw invalid(
      `${field}: ${model.id} takes no ${wordsOf(kind)}; it takes ${model.kinds.map(wordsOf).join(', ')}.`,
      field,
    )
  }
  if (kind === 'multi_images') checkLength(part.sources, { most: model.maxImagesPerInput, field })
  if (kind === 'video' && !isMediaSource(part.source)) {
    checkLength(part.source, { most: MAX_LISTED_FRAMES, field })
  }
}

const WORDS: Readonly<Record<InputKind, string>> = {
  text: 'text',
  image: 'image',
  multi_images: 'lists of images',
  video: 'video',
}
const wordsOf = (kind: InputKind) => WORDS[kind]

function checkLength(list: readonly unknown[], { most, field }: { most: number; field: string }): void {
  if (list.length >= 1 && list.length <= most) return
  throw invalid(`${field} must have 1 to ${most} images, got ${list.length}.`, field)
}

function checkDimension({ dimension, fields }: MultimodalRequest, model: MultimodalModel): number {
  const { id, engine, dimensions, defaultDimension, dimensionChoice } = model
  const asked = dimensionChoice === 'ignored' ? undefined : dimension
  const wanted = asked ?? defaultDimension
  if (dimensions.includes(wanted)) return wanted
  const offered = dimensions.length === 0 ? 'none of its dimensions' : `only [${dimensions.join(', ')}]`
  const what =
    asked === undefined ? `The default dimension of ${id} is ${wanted}` : `${fields.dimension} for ${id} is ${wanted}`
  throw invalid(`${what}; ${engine}, which serves it here, offers ${offered}. Nothing is padded.`, fields.dimension)
}

function checkFusion({ isFused, fields }: MultimodalRequest, { id, fusion }: MultimodalModel): boolean {
  if (fusion === 'always') return true
  if (isFused !== true) return false
  if (fusion === 'asked') return true
  const how = 'put what belongs together into one object instead'
  throw invalid(`${fields.isFused}: ${id} makes a vector of each input; ${how}.`, fields.isFused)
}

/** Models without levels pass the parameter over, as the live service does with what it does not know. */
function checkLevel({ resolutionLevel, fields }: MultimodalRequest, { tokensPerImage }: MultimodalModel): number {
  const [only] = tokensPerImage
  if (tokensPerImage.length === 1) return only
  const to = tokensPerImage.length - 1
  const level = checkWhole(resolutionLevel ?? USUAL_LEVEL, { from: 0, to, field: fields.resolutionLevel })
  return tokensPerImage[level] ?? only // 0 ≤ level < length
}

interface Range {
  from: number
  to: number
  field: string
}

function checkWhole(value: number, { from, to, field }: Range): number {
  if (Number.isInteger(value) && value >= from && value <= to) return value
  throw invalid(`${field} must be a whole number from ${from} to ${to}, got ${value}.`, field)
}

function checkRange(value: number, { from, to, field }: Range): number {
  if (value >= from && value <= to) return value
  throw invalid(`${field} must be a number from ${from} to ${to}, got ${value}.`, field)
}

function invalid(message: string, param: string): ApiError {
  return new ApiError('invalid_parameter', message, { param })
}

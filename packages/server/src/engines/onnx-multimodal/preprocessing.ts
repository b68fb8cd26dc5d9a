import { z } from 'zod'
import type { Resample, Size } from '../../media/resize.js'
import { ModelError, type ModelFolder } from '../pulled/model-folder.js'

/** What is done to a picture before the network sees it, in this order. */
export interface Preprocessing {
  /** To exactly this size, or until the shorter side is `edge` pixels long. */
  resize: Size | { edge: number }
  resample: Resample
  /** The middle of what came out; `offset` is how half a pixel is rounded. */
  crop: (Size & { offset: 'down' | 'even' }) | undefined
  /** A channel's value v of 0 to 255 becomes (v · scale − mean) / std. */
  scale: number
  mean: readonly number[]
  std: readonly number[]
}

const edge = z.int().positive().max(4_096)
const Rectangle = z.strictObject({ height: edge, width: edge })
const SizeField = z.union([edge, z.strictObject({ shortest_edge: edge }), Rectangle])
const Channels = z.array(z.number()).length(3)

/** transformers' image processors of CLIP and its like. */
const Transformers = z.looseObject({
  do_resize: z.boolean().optional(),
  size: SizeField.optional(),
  resample: z.int().optional(),
  do_center_crop: z.boolean().optional(),
  crop_size: z.union([edge, Rectangle]).optional(),
  do_rescale: z.boolean().optional(),
  rescale_factor: z.number().positive().optional(),
  do_normalize: z.boolean().optional(),
  image_mean: Channels.optional(),
  image_std: Channels.optional(),
})
type Transformers = z.output<typeof Transformers>

/** jina-clip's own, which is OpenCLIP's `image_transform`. */
const Jina = z.looseObject({
  size: z.union([edge, z.tuple([edge, edge])]),
  mean: Channels,
  std: Channels,
  resize_mode: z.enum(['shortest', 'squash']),
  interpolation: z.enum(['bicubic', 'bilinear']),
})
const Type = z.looseObject({
  image_processor_type: z.string().optional(),
  feature_extractor_type: z.string().optional(),
})

const CLIP_CHANNELS = {
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
}
const HALVES = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] }
const USUAL = { do_resize: true, do_rescale: true, rescale_factor: 1 / 255, do_normalize: true }
const CLIP = {
  ...USUAL,
  ...CLIP_CHANNELS,
  size: { shortest_edge: 224 },
  resample: 3,
  do_center_crop: true,
  crop_size: 224,
}

/** What a processor does where its file says nothing: transformers' defaults. */
const DEFAULTS: Readonly<Record<string, Transformers>> = {
  CLIPImageProcessor: CLIP,
  CLIPFeatureExtractor: CLIP,
  ChineseCLIPImageProcessor: CLIP,
  ChineseCLIPFeatureExtractor: CLIP,
  SiglipImageProcessor: { ...USUAL, ...HALVES, size: { height: 224, width: 224 }, resample: 3 },
  ViTImageProcessor: { ...USUAL, ...HALVES, size: { height: 224, width: 224 }, resample: 2 },
  ViTFeatureExtractor: { ...USUAL, ...HALVES, size: { height: 224, width: 224 }, resample: 2 },
}
/** Pictures come as RGB. */
const KNOWN_STEPS = ['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize', 'do_convert_rgb']
/** By Pillow's numbers. */
const RESAMPLES: readonly Resample[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming']

/**
 * Read what a model's `preprocessor_config.json` says.
 *
 * @throws {ModelError} naming file and field, for what is not implemented.
 */
export async function readPreprocessing(folder: ModelFolder, path: string): Promise<Preprocessing> {
  const file = await folder.json(path, Type)
  const named = file.image_processor_type ?? file.feature_extractor_type
  if (named === undefined) throw new ModelError(`${path}: image_processor_type is missing.`)
  // Two more implementations of the same, for speed or for Pillow alone.
  const type = named.replace(/(Fast|Pil)$/, '')
  if (type === 'JinaCLIPImageProcessor') return jinaSteps(await folder.json(path, Jina), path)
  const defaults = DEFAULTS[type]
  if (defaults === undefined) throw new ModelError(`${path}: image_processor_type: ${named} is not implemented.`)
  const said = await folder.json(path, Transformers)
  const odd = Object.keys(said).find(
    (field) => field.startsWith('do_') && said[field] === true && !KNOWN_STEPS.includes(field),
  )
  if (odd !== undefined) throw new ModelError(`${path}: ${odd} is not implemented.`)
  return transformersSteps({ ...defaults, ...said }, { path, isSquare: type.startsWith('ViT') })
}

/** @param options.isSquare whether a size that is one number is that of both sides, or of the shorter one. */
function transformersSteps(file: Transformers, { path, isSquare }: { path: string; isSquare: boolean }): Preprocessing {
  const { size, crop_size: cropSize } = file
  const resample = RESAMPLES[file.resample ?? 3]
  if (resample === undefined) throw new ModelError(`${path}: resample: ${file.resample} is not implemented.`)
  if (file.do_resize !== true || size === undefined) throw new ModelError(`${path}: do_resize must be true.`)
  const square = (side: number) => ({ width: side, height: side })
  const wanted = typeof size !== 'number' ? size : isSquare ? square(size) : { shortest_edge: size }
  const resize = 'shortest_edge' in wanted ? { edge: wanted.shortest_edge } : wanted
  const isCropped = file.do_center_crop === true && cropSize !== undefined
  const crop = isCropped ? (typeof cropSize === 'number' ? square(cropSize) : cropSize) : undefined
  return checkSize(path, {
    resize,
    resample,
    crop: crop && { width: crop.width, height: crop.height, offset: 'down' },
    scale: file.do_rescale === false ? 1 : (file.rescale_factor ?? 1 / 255),
    mean: file.do_normalize === false ? [0, 0, 0] : (file.image_mean ?? [0, 0, 0]),
    std: file.do_normalize === false ? [1, 1, 1] : (file.image_std ?? [1, 1, 1]),
  })
}

function jinaSteps(file: z.output<typeof Jina>, path: string): Preprocessing {
  const { size, mean, std, resize_mode: mode, interpolation: resample } = file
  const [height, width] = typeof size === 'number' ? [size, size] : size
  if (mode === 'shortest' && height !== width) throw new ModelError(`${path}: size: must be square for shortest.`)
  return checkSize(path, {
    resize: mode === 'shortest' ? { edge: height } : { width, height },
    resample,
    crop: mode === 'shortest' ? { width, height, offset: 'even' } : undefined,
    scale: 1 / 255,
    mean,
    std,
  })
}

/** What comes out must have one size, and no border that was never in the picture. */
function checkSize(path: string, steps: Preprocessing): Preprocessing {
  const { resize, crop } = steps
  const [width, height] = 'edge' in resize ? [resize.edge, resize.edge] : [resize.width, resize.height]
  if ('edge' in resize && crop === undefined) {
    throw new ModelError(`${path}: size.shortest_edge without do_center_crop is not implemented.`)
  }
  if (crop !== undefined && (crop.width > width || crop.height > height)) {
    throw new ModelError(`${path}: crop_size: is larger than size, which is not implemented.`)
  }
  return steps
}

/** Width and height of what the network sees. */
export function sizeOf({ resize, crop }: Preprocessing): Size {
  if (crop !== undefined) return { width: crop.width, height: crop.height }
  return 'edge' in resize ? { width: resize.edge, height: resize.edge } : resize
}

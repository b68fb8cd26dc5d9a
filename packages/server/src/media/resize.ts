/**
 * Resampling exactly as Pillow does it, because the pictures that models learnt from were made with it.
 *
 * Each axis in a pass of its own, horizontal first: a destination pixel is a weighted sum of the source pixels under the
 * kernel, and when a picture gets smaller the kernel gets wider by the same factor (antialiasing). Weights are computed in
 * doubles, normalised, and rounded to 22 bits after the point; sums are integers; the result of each pass is rounded to 8
 * bits. Every one of these roundings is Pillow's own, so the bytes are the same (as of Pillow up to 12; 13 does the
 * vertical pass first where that is less work).
 *
 * Cost: O(height × width' × support + height' × width' × support), support = kernel's × source/destination.
 *
 * @see Pillow, src/libImaging/Resample.c
 */
import type { Picture } from './picture.js'

/** Kernels, by the names and numbers that `preprocessor_config.json` uses for them: 0 to 5. */
export type Resample = 'nearest' | 'lanczos' | 'bilinear' | 'bicubic' | 'box' | 'hamming'

/** A part of a picture: left and top edge included, right and bottom excluded. Pixels, may be fractions. */
export interface Box {
  left: number
  top: number
  right: number
  bottom: number
}

export interface Size {
  width: number
  height: number
}

interface Kernel {
  /** Half its width, in source pixels where nothing is scaled. */
  support: number
  weigh: (x: number) => number
}

const KERNELS: Record<Exclude<Resample, 'nearest'>, Kernel> = {
  box: { support: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weigh: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weigh: hamming },
  bicubic: { support: 2, weigh: bicubic },
  lanczos: { support: 3, weigh: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

/** Bits after the point of a weight: 8 of a pixel and 2 for sums that overshoot leave 22 of 32. */
const PRECISION_BITS = 22
const HALF = 1 << (PRECISION_BITS - 1)

/** Longest side that may be asked for: what no model comes near, so that a broken setting fails with a message. */
const MAX_SIDE = 16_384

/**
 * Resize to exactly `width` × `height`, whatever the proportions were.
 *
 * @param box the part of the picture that is taken; all of it by default.
 * @throws {RangeError} for sides that are no whole numbers from 1 to 16,384, or a box outside of the picture.
 */
export function resize(
  picture: Picture,
  { width, height, resample, box = wholeOf(picture) }: Size & { resample: Resample; box?: Box },
): Picture {
  checkSide(width)
  checkSide(height)
  checkBox(box, picture)
  if (resample === 'nearest') return nearest(picture, { width, height, box })
  const isWide = width !== picture.width || box.left !== 0 || box.right !== width
  const isHigh = height !== picture.height || box.top !== 0 || box.bottom !== height
  const kernel = KERNELS[resample]
  const columns = weightsOf(kernel, { from: box.left, to: box.right, length: picture.width, size: width })
  const rows = weightsOf(kernel, { from: box.top, to: box.bottom, length: picture.height, size: height })
  const first = isHigh ? (rows.starts[0] ?? 0) : 0
  const last = isHigh ? (rows.starts[height - 1] ?? 0) + (rows.counts[height - 1] ?? 0) : picture.height
  // Only the rows that the second pass needs; Pillow does the same, and it changes no result.
  const narrowed = isWide ? horizontal(picture, columns, { first, last }) : cut(picture, { first, last })
  return isHigh ? vertical(narrowed, rows, { first }) : narrowed
}

/**
 * The size at which the shorter edge has `shortest` pixels and the proportions are kept, the longer one rounded down as
 * `torchvision` and `transformers` do, and never beyond `longest`.
 */
export function shortestEdge(
  { width, height }: Size,
  { shortest, longest }: { shortest: number; longest?: number },
): Size {
  const [short, long] = width <= height ? [width, height] : [height, width]
  let newShort = shortest
  let newLong = Math.floor((shortest * long) / short)
  if (longest !== undefined && newLong > longest) {
    newShort = Math.floor((longest * newShort) / newLong)
    newLong = longest
  }
  return width <= height ? { width: newShort, height: newLong } : { width: newLong, height: newShort }
}

/**
 * The middle of a picture. Where the picture is smaller than what is asked for, black is put around it, as `transformers`
 * does.
 */
export function centreCrop(picture: Picture, { width, height }: Size): Picture {
  checkSide(width)
  checkSide(height)
  // transformers, image_transforms.center_crop: floor where there is more, ceil of the margin where there is less.
  const left = offsetOf(picture.width, width)
  const top = offsetOf(picture.height, height)
  const rgb = new Uint8Array(width * height * 3)
  const fromX = Math.max(0, left)
  const toX = Math.min(picture.width, left + width)
  for (let y = Math.max(0, top); y < Math.min(picture.height, top + height); y++) {
    const row = picture.rgb.subarray((y * picture.width + fromX) * 3, (y * picture.width + toX) * 3)
    rgb.set(row, ((y - top) * width + (fromX - left)) * 3)
  }
  return { width, height, rgb }
}

/** Where the crop begins; negative where the picture is smaller. */
function offsetOf(length: number, size: number): number {
  return length >= size ? Math.floor((length - size) / 2) : -Math.ceil((size - length) / 2)
}

function wholeOf({ width, height }: Size): Box {
  return { left: 0, top: 0, right: width, bottom: height }
}

function checkSide(side: number): void {
  if (Number.isInteger(side) && side >= 1 && side <= MAX_SIDE) return
  throw new RangeError(`a side must have 1 to ${MAX_SIDE} pixels, not ${side}`)
}

function checkBox({ left, top, right, bottom }: Box, { width, height }: Size): void {
  const isInside = left >= 0 && top >= 0 && right <= width && bottom <= height && left < right && top < bottom
  if (!isInside) throw new RangeError(`the box ${left}, ${top}, ${right}, ${bottom} is not in ${width} × ${height}`)
}

function hamming(x: number): number {
  const distance = Math.abs(x)
  if (distance === 0) return 1
  if (distance >= 1) return 0
  const angle = distance * Math.PI
  return (Math.sin(angle) / angle) * (0.54 + 0.46 * Math.cos(angle))
}

/** Keys' kernel with a = −0.5. */
function bicubic(x: number): number {
  const a = -0.5
  const distance = Math.abs(x)
  if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * a
  return 0
}

function sinc(x: number): number {
  if (x === 0) return 1
  return Math.sin(x * Math.PI) / (x * Math.PI)
}

/** For each destination pixel: the first source pixel under the kernel, how many there are, and their weights. */
interface Weights {
  starts: Int32Array
  counts: Int32Array
  /** Fixed point; `perPixel` for each destination pixel. */
  values: Int32Array
  perPixel: number
}

function weightsOf(
  { support, weigh }: Kernel,
  { from, to, length, size }: { from: number; to: number; length: number; size: number },
): Weights {
  const scale = (to - from) / size
  const filterScale = Math.max(scale, 1)
  const reach = support * filterScale
  const perPixel = Math.ceil(reach) * 2 + 1
  const weights = {
    starts: new Int32Array(size),
    counts: new Int32Array(size),
    values: new Int32Array(size * perPixel),
    perPixel,
  }
  const exact = new Float64Array(perPixel)
  for (let i = 0; i < size; i++) {
    const centre = from + (i + 0.5) * scale
    const start = Math.max(0, Math.trunc(centre - reach + 0.5))
    const count = Math.min(length, Math.trunc(centre + reach + 0.5)) - start
    let sum = 0
    for (let j = 0; j < count; j++) {
      const weight = weigh((j + start - centre + 0.5) * (1 / filterScale))
      exact[j] = weight
      sum += weight
    }
    for (let j = 0; j < count; j++) {
      const weight = sum === 0 ? (exact[j] ?? 0) : (exact[j] ?? 0) / sum
      weights.values[i * perPixel + j] = Math.trunc(weight * (1 << PRECISION_BITS) + (weight < 0 ? -0.5 : 0.5))
    }
    weights.starts[i] = start
    weights.counts[i] = count
  }
  return weights
}

/**
 * Rows `first` to `last` only.
 *
 * Here and below, `as number` says what {@link weightsOf} and the sizes guarantee: every index is inside of its array.
 * A check for each value would double the time of these loops.
 */
function horizontal(
  { rgb, width }: Picture,
  { starts, counts, values, perPixel }: Weights,
  { first, last }: { first: number; last: number },
): Picture {
  const size = starts.length
  const out = new Uint8ClampedArray(size * (last - first) * 3)
  let to = 0
  for (let y = first; y < last; y++) {
    const row = y * width * 3
    for (let i = 0; i < size; i++) {
      let from = row + (starts[i] as number) * 3
      let red = HALF
      let green = HALF
      let blue = HALF
      const end = i * perPixel + (counts[i] as number)
      for (let j = i * perPixel; j < end; j++) {
        const weight = values[j] as number
        red = (red + Math.imul(rgb[from] as number, weight)) | 0
        green = (green + Math.imul(rgb[from + 1] as number, weight)) | 0
        blue = (blue + Math.imul(rgb[from + 2] as number, weight)) | 0
        from = (from + 3) | 0
      }
      out[to] = red >> PRECISION_BITS
      out[to + 1] = green >> PRECISION_BITS
      out[to + 2] = blue >> PRECISION_BITS
      to += 3
    }
  }
  return { width: size, height: last - first, rgb: new Uint8Array(out.buffer) }
}

/** `picture` begins at row `first` of the source. */
function vertical(
  { rgb, width }: Picture,
  { starts, counts, values, perPixel }: Weights,
  { first }: { first: number },
): Picture {
  const size = starts.length
  const stride = width * 3
  const out = new Uint8ClampedArray(stride * size)
  const sums = new Int32Array(stride)
  for (let i = 0; i < size; i++) {
    sums.fill(HALF)
    for (let j = 0; j < (counts[i] as number); j++) {
      const weight = values[i * perPixel + j] as number
      const from = ((starts[i] as number) - first + j) * stride
      for (let x = 0; x < stride; x++) sums[x] = (sums[x] as number) + Math.imul(rgb[from + x] as number, weight)
    }
    for (let x = 0; x < stride; x++) out[i * stride + x] = (sums[x] as number) >> PRECISION_BITS
  }
  return { width, height: size, rgb: new Uint8Array(out.buffer) }
}

function cut({ width, rgb }: Picture, { first, last }: { first: number; last: number }): Picture {
  return { width, height: last - first, rgb: rgb.slice(first * width * 3, last * width * 3) }
}

/** The source pixel under the middle of each destination pixel. */
function nearest(picture: Picture, { width, height, box }: Size & { box: Box }): Picture {
  const rgb = new Uint8Array(width * height * 3)
  const column = (x: number) => Math.floor(box.left + ((x + 0.5) * (box.right - box.left)) / width)
  const row = (y: number) => Math.floor(box.top + ((y + 0.5) * (box.bottom - box.top)) / height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (row(y) * picture.width + column(x)) * 3
      rgb.set(picture.rgb.subarray(from, from + 3), (y * width + x) * 3)
    }
  }
  return { width, height, rgb }
}

import type { Picture } from '../../media/picture.js'
import { centreCrop, resize, shortestEdge } from '../../media/resize.js'
import { type Preprocessing, sizeOf } from './preprocessing.js'

/** Longer side to shorter one. */
const MAX_PROPORTION = 16

/**
 * What a network sees of a picture. Pixel for pixel what transformers' processors make with Pillow.
 *
 * @returns Float32Array[3 × height × width], channel by channel.
 * @throws {RangeError} for a picture of fewer or more bytes than it says.
 */
export function toPixels(picture: Picture, steps: Preprocessing): Float32Array {
  if (picture.rgb.length !== picture.width * picture.height * 3) {
    throw new RangeError(`${picture.rgb.length} bytes are no picture of ${picture.width} × ${picture.height}`)
  }
  const { resize: wanted, resample } = steps
  const source = 'edge' in wanted ? lessLong(picture) : picture
  const size = 'edge' in wanted ? shortestEdge(source, { shortest: wanted.edge }) : wanted
  const resized = resize(source, { ...size, resample })
  const { width, height } = sizeOf(steps)
  const left = offsetOf(resized.width - width, steps)
  const top = offsetOf(resized.height - height, steps)
  const tables = [0, 1, 2].map((channel) => tableOf(steps, channel))
  const pixels = new Float32Array(3 * height * width)
  let place = 0
  for (const [channel, table] of tables.entries()) {
    for (let y = 0; y < height; y++) {
      let from = ((top + y) * resized.width + left) * 3 + channel
      for (let x = 0; x < width; x++, from += 3) {
        pixels[place++] = table[resized.rgb[from] as number] as number // inside of the picture; 0 … 255
      }
    }
  }
  return pixels
}

/** Of a very long picture only the middle is seen; the rest would be resized for nothing, in any amount. */
function lessLong(picture: Picture): Picture {
  const { width, height } = picture
  const most = MAX_PROPORTION * Math.min(width, height)
  if (Math.max(width, height) <= most) return picture
  return centreCrop(picture, { width: Math.min(width, most), height: Math.min(height, most) })
}

/** Where the middle begins. transformers rounds half a pixel down, torchvision as Python does: to the even one. */
function offsetOf(surplus: number, { crop }: Preprocessing): number {
  const lower = Math.floor(surplus / 2)
  return surplus % 2 === 1 && crop?.offset === 'even' && lower % 2 === 1 ? lower + 1 : lower
}

/** What each of the 256 values of a channel becomes; in the precision of the reference: float32 after each step. */
function tableOf({ scale, mean, std }: Preprocessing, channel: number): Float32Array {
  const [m, s] = [Math.fround(mean[channel] ?? 0), Math.fround(std[channel] ?? 1)]
  return Float32Array.from({ length: 256 }, (_, value) => Math.fround(Math.fround(value * scale) - m) / s)
}

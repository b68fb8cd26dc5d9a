import type { Metadata, Sharp, SharpOptions } from 'sharp'
import { checkPixels, type DecodeOptions } from './check-pixels.js'
import { invalidMedia } from './invalid-media.js'
import type { Picture } from './picture.js'

/** The loaders that hostile bytes may reach. All others are blocked: SVG and PDF fetch, ImageMagick does anything. */
const LOADERS = [
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadWebpBuffer',
  'VipsForeignLoadNsgifBuffer',
  'VipsForeignLoadTiffBuffer',
  'VipsForeignLoadHeifBuffer',
]

/** JPEG's own scaling: the transform of a block of 8 × 8 can be made to give 4 × 4, 2 × 2 or 1. */
const JPEG_SHRINKS = [8, 4, 2]

/** As {@link decodeImage}, for the formats libvips knows. @throws {ApiError} `invalid_media`. */
export async function decodeWithSharp(bytes: Uint8Array, options: DecodeOptions): Promise<Picture> {
  const { limits, signal } = options
  const open = await loadSharp()
  try {
    const metadata = await open(bytes, OPEN).metadata()
    checkPixels(metadata, limits)
    signal.throwIfAborted()
    const picture = open(bytes, { ...OPEN, limitInputPixels: limits.maxPixels }).autoOrient()
    const { data, info } = await shrunk(picture, metadata, options)
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .timeout({ seconds: Math.ceil(limits.timeoutMs / 1000) })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 3) throw new TypeError(`libvips gave ${info.channels} channels`)
    return { width: info.width, height: info.height, rgb: data }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error && error.name === 'ApiError') throw error
    throw invalidMedia('the picture is broken or cut off', { cause: error })
  }
}

const OPEN: SharpOptions = {
  failOn: 'error', // a picture cut off or with broken pixels is refused; what libraries only warn of is not
  sequentialRead: true,
  ignoreIcc: true,
  limitInputPixels: false, // the header is read with no limit, so that the message can say what came
}

/** Smaller by JPEG's own scaling, where the caller allows it. */
function shrunk(picture: Sharp, metadata: Metadata, { atLeast }: DecodeOptions): Sharp {
  if (atLeast === undefined || metadata.format !== 'jpeg') return picture
  const { width, height } = metadata.autoOrient
  const factor = JPEG_SHRINKS.find((shrink) => Math.min(width, height) / shrink >= atLeast)
  if (factor === undefined) return picture
  // Exactly what libjpeg gives at this scale, so that libvips has nothing left to resample.
  return picture.resize({ width: Math.ceil(width / factor), height: Math.ceil(height / factor), fit: 'fill' })
}

let loading: Promise<(input: Uint8Array, options: SharpOptions) => Sharp> | undefined

/** sharp with everything off that decoding a stranger's picture does not need. Its settings are the process's. */
function loadSharp(): Promise<(input: Uint8Array, options: SharpOptions) => Sharp> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    sharp.block({ operation: ['VipsForeignLoad'] })
    sharp.unblock({ operation: LOADERS })
    sharp.cache(false) // no picture is decoded twice, and none may stay in memory
    sharp.concurrency(1) // a thread for each slot; slots are how much work there is at once
    return sharp
  })
  return loading
}

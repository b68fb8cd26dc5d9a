/** Bounds of one picture. */
export interface ImageLimits {
  readonly maxBytes: number
  /** Of the picture as its header states it, before a pixel is decoded. */
  readonly maxPixels: number
  /** Of decoding, waiting for a slot not counted. */
  readonly timeoutMs: number
}

/** Bounds of one video. */
export interface VideoLimits {
  readonly maxBytes: number
  /** Of one picture of the video, as its header states it. */
  readonly maxPixels: number
  /** As the header states it or the file proves it; longer is refused. */
  readonly maxDurationSeconds: number
  /** Most pictures taken, whatever the frames or the fps asked for. */
  readonly maxFrames: number
  /** Of everything done to the video, waiting for a slot not counted. */
  readonly timeoutMs: number
  /** Address space of the decoder's process, where the system can bound it. */
  readonly maxMemoryBytes: number
}

const MEBIBYTE = 2 ** 20

/**
 * For pictures that the model's own limits let through: 10 MiB is the most any documented model takes. Three bytes a
 * pixel: 50 megapixels, what telephones make, are 150 MB decoded, and libvips needs about as much again.
 */
export const IMAGE_LIMITS: ImageLimits = { maxBytes: 10 * MEBIBYTE, maxPixels: 50_000_000, timeoutMs: 10_000 }

/** 50 MiB is the most any documented model takes; 4096 × 2304 is the largest picture of common codecs' levels 5.x. */
export const VIDEO_LIMITS: VideoLimits = {
  maxBytes: 50 * MEBIBYTE,
  maxPixels: 4_096 * 2_304,
  maxDurationSeconds: 2 * 60 * 60,
  maxFrames: 64,
  timeoutMs: 30_000,
  maxMemoryBytes: 1_536 * MEBIBYTE,
}

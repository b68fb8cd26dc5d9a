/** A decoded picture: sRGB, 8 bits a channel, upright (EXIF applied), without alpha (flattened on white). */
export interface Picture {
  /** Pixels. */
  readonly width: number
  /** Pixels. */
  readonly height: number
  /** Uint8Array[height × width × 3], rows from the top, R G B. */
  readonly rgb: Uint8Array
}

/** Pictures taken out of a video at even distances. */
export interface SampledVideo {
  /** Ascending in time; at least one. */
  readonly pictures: readonly Picture[]
  /** Of the whole video, in seconds. */
  readonly duration: number
}

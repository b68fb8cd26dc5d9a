import type { Settings } from './config.js'
import { decodeImage } from './media/decode-image.js'
import { IMAGE_LIMITS, VIDEO_LIMITS } from './media/limits.js'
import { sampleFrames } from './media/sample-frames.js'
import type { MediaDecoders } from './multimodal/read-media.js'

/** What decodes pictures and videos, under the limits of the server and of the model. */
export function assembleMedia({ ffmpeg }: Pick<Settings, 'ffmpeg'>): MediaDecoders {
  return {
    decodeImage: (bytes, { maxBytes, signal }) => decodeImage(bytes, { limits: { ...IMAGE_LIMITS, maxBytes }, signal }),
    sampleFrames: (bytes, { maxBytes, maxFrames: frames, fps, signal }) =>
      sampleFrames(bytes, { limits: { ...VIDEO_LIMITS, maxBytes }, frames, fps, ffmpeg, signal }),
  }
}

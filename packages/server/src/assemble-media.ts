import { ApiError } from '@quiver/protocol'
import { decodeImage } from './media/decode-image.js'
import { IMAGE_LIMITS } from './media/limits.js'
import type { MediaDecoders } from './multimodal/read-media.js'

/** What decodes pictures and videos; their libraries are loaded with the first one. */
export const MEDIA: MediaDecoders = {
  decodeImage: (bytes, { maxBytes, signal }) => decodeImage(bytes, { limits: { ...IMAGE_LIMITS, maxBytes }, signal }),
  sampleFrames: async () => {
    throw new ApiError('not_supported', 'Videos are not read here.')
  },
}

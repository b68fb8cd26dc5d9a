import { ApiError } from '@quiver/protocol'

/**
 * A picture or video that cannot be used. The service says «The media format is not supported or incorrect for the data
 * inspection.» for all of them; `reason` adds which rule was broken. Never a decoder's own words: those go into `cause`,
 * which is logged and not sent.
 */
export function invalidMedia(reason: string, { cause }: { cause?: unknown } = {}): ApiError {
  return new ApiError('invalid_media', `The media format is not supported or incorrect: ${reason}.`, {
    ...(cause !== undefined && { cause }),
  })
}

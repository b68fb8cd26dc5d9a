import { ApiError } from '@quiver/protocol'

/**
 * A file that cannot be had, in the service's words. The reason never tells what is behind an address: neither a refused
 * connection from one that timed out, nor a private address from a name that does not exist.
 */
export function downloadFailed(reason: string, { cause, param }: { cause?: unknown; param?: string } = {}): ApiError {
  return new ApiError('download_failed', `Failed to download the input file: ${reason}.`, {
    ...(cause !== undefined && { cause }),
    ...(param !== undefined && { param }),
  })
}

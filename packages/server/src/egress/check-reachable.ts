import { checkUrl, invalidUrl } from './check-url.js'
import { findAddresses, type Reach, UNREACHABLE } from './find-addresses.js'

/**
 * Ask beforehand whether a URL may be asked later, so that whoever named it learns of it.
 *
 * @throws {ApiError} `invalid_url`
 */
export type CheckReachable = (url: string, options: { param: string; signal: AbortSignal }) => Promise<void>

/** What is found now is no promise: `safe-fetch.ts` looks again when it goes there. */
export function createCheckReachable(reach: Reach): CheckReachable {
  return async (text, { param, signal }) => {
    const url = checkUrl(text, { param })
    if ((await findAddresses(url, { ...reach, signal })) === undefined) throw invalidUrl(UNREACHABLE, param)
  }
}

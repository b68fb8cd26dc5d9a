import { isIP } from 'node:net'
import { hostOf, portOf } from '../transport/url-parts.js'
import { type AllowList, WEB_PORTS } from './allow-list.js'
import { isPublicAddress } from './public-address.js'
import type { ResolveHost } from './resolve-host.js'

/** Where requests for callers may go. */
export interface Reach {
  allow: AllowList
  resolve: ResolveHost
}

/** Why an address is not had: the same words whether the host is unknown or refused, so that names inside stay unknown. */
export const UNREACHABLE = 'its host is unknown, or its address or port may not be reached from here'

/**
 * The addresses of a URL's host, every one of which may be reached from here.
 *
 * @returns `undefined` when there is none, or one of them may not be reached.
 * @throws the signal's reason when it aborts.
 */
export async function findAddresses(
  url: URL,
  { allow, resolve, signal }: Reach & { signal: AbortSignal },
): Promise<string[] | undefined> {
  const [host, port] = [hostOf(url), portOf(url)]
  const isOwn = allow.hasHost(host, port)
  const isAllowed = (address: string) =>
    isOwn || (isPublicAddress(address) && WEB_PORTS.includes(port)) || allow.hasAddress(address, port)
  const addresses = isIP(host) === 0 ? await resolve(host, { isOwn, signal }).catch(() => []) : [host]
  signal.throwIfAborted()
  return addresses.length > 0 && addresses.every(isAllowed) ? addresses : undefined
}

import { lookup, Resolver } from 'node:dns/promises'

/**
 * Every address of a host.
 *
 * @param isOwn whether the operator named the host: then the system's own ways (hosts file, search domains) count too.
 * @throws when there is none, or the signal aborts.
 */
export type ResolveHost = (host: string, options: { isOwn: boolean; signal: AbortSignal }) => Promise<string[]>

const TIMEOUT_MS = 3_000
const TRIES = 2

/**
 * Names of callers are asked of the name server directly. The system's `getaddrinfo` would hold a thread of the pool that
 * also reads files, and a caller's name server may answer as slowly as it likes.
 */
export const resolveHost: ResolveHost = async (host, { isOwn, signal }) => {
  if (isOwn) return (await lookup(host, { all: true })).map(({ address }) => address)
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const families = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    signal.throwIfAborted()
    const addresses = families.flatMap((family) => (family.status === 'fulfilled' ? family.value : []))
    if (addresses.length === 0) throw new Error('the name has no address')
    return addresses
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

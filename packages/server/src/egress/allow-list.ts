import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** What the operator lets callers reach beyond the public internet's web ports. */
export interface AllowList {
  /** Whether a host was named, whatever its addresses are. */
  hasHost(host: string, port: number): boolean
  /** Whether an address lies in a network that was named. */
  hasAddress(address: string, port: number): boolean
}

interface Entry {
  /** The ports it opens; `*` is every port. */
  ports: readonly number[] | '*'
  network: ReturnType<typeof ipaddr.parseCIDR> | undefined
  host: string | undefined
}

export const WEB_PORTS: readonly number[] = [80, 443]

/**
 * Entries are hosts (`files.lan`), addresses (`192.168.1.7`, `[fd00::1]`) or networks (`10.0.0.0/8`, `[fd00::]/8`), each
 * with `:PORT` or `:*` behind it where ports other than 80 and 443 are meant.
 *
 * @throws {RangeError} naming the entry that is none of these.
 */
export function parseAllowList(texts: readonly string[]): AllowList {
  const entries = texts.map(parseEntry)
  const opens = ({ ports }: Entry, port: number) => ports === '*' || ports.includes(port)
  return {
    hasHost: (host, port) => entries.some((entry) => entry.host === withoutDot(host) && opens(entry, port)),
    hasAddress: (text, port) => {
      if (isIP(text) === 0) return false
      const address = ipaddr.process(text)
      return entries.some(
        (entry) =>
          entry.network !== undefined &&
          entry.network[0].kind() === address.kind() &&
          address.match(entry.network) &&
          opens(entry, port),
      )
    },
  }
}

/** A host name with the root's dot is the same name. */
export function withoutDot(host: string): string {
  return host.replace(/\.$/, '')
}

function parseEntry(text: string): Entry {
  const [, bracketed, plain, bits, port] = /^(?:\[([^\]]+)\]|([^:/]+))(?:\/(\d+))?(?::(\d+|\*))?$/.exec(text) ?? []
  const target = bracketed ?? plain
  if (target === undefined) throw mistake(text)
  const ports = port === undefined ? WEB_PORTS : port === '*' ? '*' : [Number(port)]
  if (ports !== '*' && ports.some((number) => number < 1 || number > 65_535)) throw mistake(text)
  if (isIP(target) !== 0) {
    const kind = ipaddr.parse(target).kind()
    const cidr = `${target}/${bits ?? (kind === 'ipv4' ? 32 : 128)}`
    if ((bracketed !== undefined) !== (kind === 'ipv6') || !ipaddr.isValidCIDR(cidr)) throw mistake(text)
    return { ports, network: ipaddr.parseCIDR(cidr), host: undefined }
  }
  const isHost = /^[\p{L}\p{N}._-]+$/u.test(target) && URL.canParse(`http://${target}/`)
  if (bits !== undefined || bracketed !== undefined || !isHost) throw mistake(text)
  return { ports, network: undefined, host: withoutDot(new URL(`http://${target}/`).hostname) }
}

function mistake(text: string): RangeError {
  return new RangeError(
    `"${text}" is no host, address or network; write files.lan, 10.0.0.0/8, [fd00::]/8, with :PORT or :* for other ports`,
  )
}

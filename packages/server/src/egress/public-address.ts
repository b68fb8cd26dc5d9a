import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** What routers of the internet carry; every other unicast block of IPv6 is reserved or embeds something (RFC 4291 §2.4). */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3')
/** Public by number, yet the host's own wire server on every virtual machine of Azure. */
const AZURE_WIRE_SERVER = '168.63.129.16'
/** Interface ids of ISATAP, whose last four bytes are an IPv4 address (RFC 5214 §6.1). */
const ISATAP_IDS = [0x0000, 0x0200]

/**
 * Whether an address is one of the public internet, and nothing else.
 *
 * A list of what is allowed, not of what is refused: IPv4 outside of all special blocks (IANA's registry, RFC 6890:
 * private, loopback, link-local, carrier-grade NAT, multicast, documentation, benchmarking, relays, reserved, 0/8,
 * broadcast), and IPv6 within 2000::/3 outside of the same, without the forms that carry an IPv4 address: mapped and
 * compatible, NAT64, 6to4, Teredo, ISATAP.
 */
export function isPublicAddress(text: string): boolean {
  // ipaddr.js also reads short and octal forms, which sockets would take for names.
  if (isIP(text) === 0) return false
  const address = ipaddr.parse(text)
  if (address.range() !== 'unicast') return false
  if (address instanceof ipaddr.IPv4) return address.toString() !== AZURE_WIRE_SERVER
  if (!(address instanceof ipaddr.IPv6)) return false
  const [, , , , idHigh = 0, idLow = 0] = address.parts
  const isIsatap = ISATAP_IDS.includes(idHigh) && idLow === 0x5efe
  return address.match(GLOBAL_IPV6) && !isIsatap
}

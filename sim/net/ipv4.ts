/**
 * What an address is called in protocols that spell it out: 10.0.0.0/20 for nodes (RFC 1918), and 203.0.113.0/24, which is kept
 * for documentation (RFC 5737), for the public side of NATs.
 */
import { type Address, ADDRESSES_MAX } from './datagram.ts'
import { NAT_ADDRESS_MIN } from './internet.ts'

const PRIVATE_NET = 0x0a00_0000
const PUBLIC_NET = 0xcb00_7100

/** The IPv4 address, an unsigned 32-bit integer. */
export const ipv4Of = (address: Address): number =>
  address < NAT_ADDRESS_MIN ? PRIVATE_NET + address : PUBLIC_NET + address - NAT_ADDRESS_MIN

/** The address that is called so; undefined where none is. */
export function addressOf(ipv4: number): Address | undefined {
  const fromPrivate = ipv4 - PRIVATE_NET
  if (fromPrivate >= 0 && fromPrivate < NAT_ADDRESS_MIN) return fromPrivate
  const fromPublic = ipv4 - PUBLIC_NET
  return fromPublic >= 0 && fromPublic < ADDRESSES_MAX - NAT_ADDRESS_MIN ? NAT_ADDRESS_MIN + fromPublic : undefined
}

/** '10.0.0.7' */
export const dottedIpv4 = (address: Address): string => {
  const ip = ipv4Of(address)
  return `${ip >>> 24}.${(ip >>> 16) & 0xff}.${(ip >>> 8) & 0xff}.${ip & 0xff}`
}

/** What {@link dottedIpv4} wrote; undefined for any other text. */
export function parseDottedIpv4(text: string): Address | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (match === null) return undefined
  let ip = 0
  for (const part of match.slice(1)) {
    if (Number(part) > 255) return undefined
    ip = ip * 256 + Number(part)
  }
  return addressOf(ip)
}

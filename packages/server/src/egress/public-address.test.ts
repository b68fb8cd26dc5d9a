import { expect, test } from 'vitest'
import { isPublicAddress } from './public-address.js'

test.each(['8.8.8.8', '1.1.1.1', '93.184.215.14', '223.5.5.5', '2606:4700::1111', '2400:3200::1', '2a00:1450:4001::1'])(
  '%s is public',
  (address) => expect(isPublicAddress(address)).toBe(true),
)

test.each([
  ...['', 'localhost', '127.0.0.1 ', '1.2.3', '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::', '2001::1'],
  ...['100.127.255.255', '192.31.196.1', '192.52.193.1', '192.175.48.1', '2620:4f:8000::1', '2001:2::1', '2001:20::1'],
  ...['168.63.129.16', '2a00::5efe:10.0.0.1', '2a00::200:5efe:a00:1', '::8.8.8.8', 'fe80::1%1', 'ffff::1', '1fff::1'],
])('%j is not', (address) => expect(isPublicAddress(address)).toBe(false))

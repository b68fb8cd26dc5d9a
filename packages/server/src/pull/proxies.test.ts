import { expect, test } from 'vitest'
import { proxyFor } from './proxies.js'

const PROXIES = { httpProxy: 'http://plain:3128', httpsProxy: 'http://secure:3128' }
const hostOf = (url: string, noProxy?: string) =>
  proxyFor(new URL(url), { ...PROXIES, ...(noProxy && { noProxy }) })?.host

test('each scheme has its proxy; that of http stands in for https', () => {
  expect(hostOf('http://hub.example/')).toBe('plain:3128')
  expect(hostOf('https://hub.example/')).toBe('secure:3128')
  expect(proxyFor(new URL('https://hub.example/'), { httpProxy: 'http://plain:3128' })?.host).toBe('plain:3128')
  expect(proxyFor(new URL('http://hub.example/'), { httpsProxy: 'http://secure:3128' })).toBeUndefined()
  expect(proxyFor(new URL('http://hub.example/'), {})).toBeUndefined()
})

test.each([
  ['*', 'https://hub.example/', true],
  ['hub.example', 'https://hub.example/', true],
  ['hub.example', 'https://cdn.hub.example/', true],
  ['hub.example', 'https://otherhub.example/', false],
  ['.hub.example', 'https://hub.example/', true],
  ['*.hub.example', 'https://cdn.hub.example/', true],
  ['HUB.example', 'https://hub.example/', true],
  ['hub.example:8443', 'https://hub.example:8443/', true],
  ['hub.example:8443', 'https://hub.example/', false],
  ['hub.example:443', 'https://hub.example/', true],
  ['a.example, hub.example', 'https://hub.example/', true],
  ['a.example b.example', 'https://hub.example/', false],
  ['127.0.0.1', 'http://127.0.0.1:9/', true],
  ['[::1]', 'http://[::1]:9/', true],
])('NO_PROXY=%s, %s: %s', (noProxy, url, isExempt) => {
  expect(hostOf(url, noProxy) === undefined).toBe(isExempt)
})

test.each(['proxy', 'socks5://proxy:1080', 'proxy:3128'])('%s is no proxy, and is not shown', (httpsProxy) => {
  const ask = () => proxyFor(new URL('https://hub.example/'), { httpsProxy: `${httpsProxy}?secret` })
  expect(ask).toThrow(/must be http or https URLs/)
  expect(ask).not.toThrow(/secret/)
})

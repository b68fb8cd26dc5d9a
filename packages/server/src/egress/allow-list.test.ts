import { expect, test } from 'vitest'
import { parseAllowList } from './allow-list.js'

test('networks open the ports of the web, or those that are written', () => {
  const list = parseAllowList(['10.0.0.0/8', '192.168.1.7:9000', '[fd00::]/8:*', '[::1]'])
  expect(list.hasAddress('10.1.2.3', 80)).toBe(true)
  expect(list.hasAddress('::ffff:10.1.2.3', 443)).toBe(true)
  expect(list.hasAddress('10.1.2.3', 8080)).toBe(false)
  expect(list.hasAddress('11.1.2.3', 80)).toBe(false)
  expect(list.hasAddress('192.168.1.7', 9000)).toBe(true)
  expect(list.hasAddress('192.168.1.7', 80)).toBe(false)
  expect(list.hasAddress('fd12::1', 1234)).toBe(true)
  expect(list.hasAddress('::1', 443)).toBe(true)
  expect(list.hasAddress('not an address', 80)).toBe(false)
  expect(list.hasHost('10.0.0.0', 80)).toBe(false)
})

test('hosts are compared as URLs write them', () => {
  const list = parseAllowList(['Files.LAN', 'store.lan.:9000', '文件.lan:*'])
  expect(list.hasHost('files.lan', 80)).toBe(true)
  expect(list.hasHost('files.lan.', 443)).toBe(true)
  expect(list.hasHost('files.lan', 81)).toBe(false)
  expect(list.hasHost('a.files.lan', 80)).toBe(false)
  expect(list.hasHost('store.lan', 9000)).toBe(true)
  expect(list.hasHost(new URL('http://文件.lan/').hostname, 5)).toBe(true)
})

test.each([
  '',
  '*',
  'http://files.lan',
  'files.lan/x',
  '10.0.0.0/33',
  'fd00::/8',
  '[10.0.0.1]',
  'a:0',
  'a:65536',
  'a b',
])('%j is a mistake', (text) => expect(() => parseAllowList([text])).toThrow(RangeError))

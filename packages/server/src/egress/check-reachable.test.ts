import { expect, test } from 'vitest'
import { parseAllowList } from './allow-list.js'
import { createCheckReachable } from './check-reachable.js'

const addresses: Record<string, string[]> = {
  'public.example': ['93.184.215.14'],
  'private.example': ['10.1.2.3'],
  'mixed.example': ['93.184.215.14', '10.0.0.1'],
}
const check = createCheckReachable({
  allow: parseAllowList(['files.lan:9000', '192.168.7.0/24']),
  resolve: async (host) => {
    const found = addresses[host] ?? (host === 'files.lan' ? ['192.168.1.1'] : undefined)
    if (found === undefined) throw new Error('ENOTFOUND')
    return found
  },
})
const asked = (url: string) => check(url, { param: 'callback', signal: new AbortController().signal })

test.each([
  'https://public.example/told',
  'http://files.lan:9000/',
  'http://192.168.7.7/',
  'http://[2606:4700::1111]/',
])('%s may be asked', async (url) => {
  await expect(asked(url)).resolves.toBeUndefined()
})

test.each([
  'not a url',
  'ftp://public.example/',
  'https://me:secret@public.example/',
  'https://private.example/',
  'https://mixed.example/',
  'https://unknown.example/',
  'http://public.example:8080/',
  'http://127.0.0.1/',
  'http://0x7f.1/',
  'http://169.254.169.254/',
  'http://files.lan:9001/told',
])('%s is refused, and the field is named', async (url) => {
  await expect(asked(url)).rejects.toMatchObject({ row: 'invalid_url', param: 'callback' })
})

test('an unknown host and a private one are refused in the same words', async () => {
  const messageOf = (url: string) => asked(url).catch(({ message }: Error) => message)
  expect(await messageOf('https://private.example/')).toBe(await messageOf('https://unknown.example/'))
})

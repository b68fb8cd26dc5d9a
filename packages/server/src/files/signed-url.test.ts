import { expect, test } from 'vitest'
import { createUrlSigner } from './signed-url.js'

const secret = Buffer.alloc(32, 7)
let now = new Date('2026-03-01T12:00:00.000Z')
const signer = createUrlSigner(secret, () => now)
const KEY = 'results/2026-03-01/task.txt.gz'
const END = new Date('2026-03-02T12:00:00.000Z')

const partsOf = (url: string) => {
  const { pathname, searchParams } = new URL(url)
  return { path: pathname.slice('/results/'.length), query: Object.fromEntries(searchParams) }
}

test('a URL in the form of object storage gives its blob until its time is over', () => {
  now = new Date('2026-03-01T12:00:00.000Z')
  const url = signer.signUrl(KEY, END, 'https://quiver.example')
  expect(url).toMatch(
    /^https:\/\/quiver\.example\/results\/2026-03-01\/task\.txt\.gz\?Expires=1772452800&OSSAccessKeyId=quiver&Signature=[\w%]+$/,
  )
  const { path, query } = partsOf(url)
  expect(signer.checkUrl(path, query)).toBe(KEY)
  now = new Date(END.getTime() - 1)
  expect(signer.checkUrl(path, query)).toBe(KEY)
  now = END
  expect(() => signer.checkUrl(path, query)).toThrow(expect.objectContaining({ row: 'access_denied' }))
})

test('nothing about it can be changed', () => {
  now = new Date('2026-03-01T12:00:00.000Z')
  const { path, query } = partsOf(signer.signUrl(KEY, END, 'http://x'))
  const wrong = expect.objectContaining({ row: 'invalid_signature' })
  for (const [otherPath, change] of [
    [`${path}x`, {}],
    ['../files/2026-03-01/other', {}],
    [path, { Expires: '1872446400' }],
    [path, { Expires: '01772452800' }],
    [path, { Expires: undefined }],
    [path, { Signature: undefined }],
    [path, { Signature: '' }],
    [path, { Signature: ['a', 'b'] }],
    [path, { Signature: `A${query.Signature?.slice(1)}` }],
    [path, { Signature: query.Signature?.slice(0, 20) }],
    [path, { Signature: `${query.Signature}A` }],
    [path, { Signature: query.Signature?.replace(/=+$/, '') }],
  ] as const) {
    expect(() => signer.checkUrl(otherPath, { ...query, ...change })).toThrow(wrong)
  }
  const other = createUrlSigner(Buffer.alloc(32, 8), () => now)
  expect(() => other.checkUrl(path, query)).toThrow(wrong)
})

test('only results can be signed, and a signature is good for its own use', () => {
  expect(() => signer.signUrl('files/2026-03-01/a', END, 'http://x')).toThrow(RangeError)
  expect(() => signer.signUrl('results/../files/a', END, 'http://x')).toThrow(RangeError)
  const signature = signer.sign('policy', 'text')
  expect(signer.isSigned('policy', 'text', signature)).toBe(true)
  expect(signer.isSigned('url', 'text', signature)).toBe(false)
  expect(signer.isSigned('policy', 'text2', signature)).toBe(false)
})

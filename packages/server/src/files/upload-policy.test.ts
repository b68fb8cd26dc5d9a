import { expect, test } from 'vitest'
import { createUrlSigner } from './signed-url.js'
import { checkPolicy, issuePolicy } from './upload-policy.js'

const signer = createUrlSigner(Buffer.alloc(32, 7))
const now = new Date('2026-03-01T12:00:00.000Z')
const GRANT = { project: 'ours', model: 'multimodal-embedding-v1', maxBytes: 100 }
const later = (ms: number) => new Date(now.getTime() + ms)

const issued = issuePolicy(GRANT, { signer, now })
const form = {
  policy: issued.policy,
  Signature: issued.signature,
  OSSAccessKeyId: issued.accessKeyId,
  key: `${issued.folder}/图 1.png`,
}
const refusal = (change: Partial<typeof form>, at = now): { row: string; message: string } => {
  try {
    checkPolicy({ ...form, ...change }, { signer, now: at })
  } catch (error) {
    return error as { row: string; message: string } // an ApiError
  }
  throw new Error('it was accepted')
}

test('a policy grants what it was issued for, within its five minutes', () => {
  expect(checkPolicy(form, { signer, now })).toEqual(GRANT)
  expect(checkPolicy(form, { signer, now: later(299_999) })).toEqual(GRANT)
  expect(refusal({}, later(300_000))).toMatchObject({
    row: 'access_denied',
    message: 'Invalid according to Policy: Policy expired.',
  })
})

test('folders are never the same, and do not show the project', () => {
  const other = issuePolicy(GRANT, { signer, now })
  expect(other.folder).not.toBe(issued.folder)
  expect(issued.folder).toMatch(/^dashscope-instant\/[0-9a-f]{32}\/2026-03-01\/[0-9a-f-]{36}$/)
})

test('what was not signed is refused', () => {
  const document = JSON.parse(Buffer.from(issued.policy, 'base64').toString())
  const forged = Buffer.from(JSON.stringify({ ...document, quiver: { ...document.quiver, project: 'theirs' } }))
  expect(refusal({ policy: forged.toString('base64') }).row).toBe('invalid_signature')
  expect(refusal({ Signature: '' }).row).toBe('invalid_signature')
  expect(refusal({ Signature: signer.sign('url', issued.policy) }).row).toBe('invalid_signature')
  expect(refusal({ OSSAccessKeyId: 'other' }).row).toBe('invalid_signature')
  expect(refusal({ policy: '' }).row).toBe('invalid_signature')
})

test.each([
  '',
  'x.png',
  issued.folder,
  `${issued.folder}/`,
  `${issued.folder}x/a.png`,
  `${issued.folder}/a/b.png`,
  `${issued.folder}/../b.png`,
  `${issued.folder}/a\\b.png`,
  `${issued.folder}/a\0.png`,
  `${issued.folder}/${'a'.repeat(1_100)}`,
])('the key %j is outside of it', (key) => expect(refusal({ key }).row).toBe('access_denied'))

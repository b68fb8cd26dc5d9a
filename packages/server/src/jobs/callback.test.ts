import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { callbackKeyOf, deriveCallbackSecret, isCallbackSecret, signCallback } from './callback.js'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

describe('what the library of Standard Webhooks verifies', () => {
  test.each([
    ['a secret of that form', SECRET],
    ['the one that is made of the secret of the server', deriveCallbackSecret(Buffer.from('secret'))],
  ])('%s signs a callback', (_what, secret) => {
    const body = '{"id":"batch_1","metadata":{"ds_name":"夜间"}}'
    const headers = signCallback(body, { id: 'batch_1', at: new Date(), key: callbackKeyOf(secret) })
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow()
    expect(() => new Webhook(SECRET.replace('Mf', 'Mg')).verify(body, headers)).toThrow()
  })
})

test('the secret that is made of another is always the same, and does not tell it', () => {
  expect(deriveCallbackSecret(Buffer.from('secret'))).toBe('whsec_t5XJiYFBVzrplf1wyiWvrrWc+U7qQvFmA6jJAGybsMU=')
  expect(deriveCallbackSecret(Buffer.from('Secret'))).not.toBe(deriveCallbackSecret(Buffer.from('secret')))
})

test.each([
  [SECRET, true],
  ['any other text is its own bytes', true],
  ['whsec_', false],
  ['whsec_no base64 of anything at all', false],
  [`whsec_${Buffer.alloc(23).toString('base64')}`, false],
  [`whsec_${Buffer.alloc(65).toString('base64')}`, false],
])('%s is a secret: %s', (text, isOne) => {
  expect(isCallbackSecret(text)).toBe(isOne)
})

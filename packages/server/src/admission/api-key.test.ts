import { expect, test } from 'vitest'
import { createKeyring } from './api-key.js'

test('without configured keys any key is accepted, but not none', () => {
  const keyring = createKeyring([])
  expect(keyring.isOpen).toBe(true)
  expect(keyring.check('anything').keyId).toMatch(/^[0-9a-f]{8}$/)
  expect(() => keyring.check(undefined)).toThrow(expect.objectContaining({ row: 'invalid_api_key' }))
  expect(() => keyring.check('')).toThrow(expect.objectContaining({ row: 'invalid_api_key' }))
})

test('with configured keys only those are accepted', () => {
  const keyring = createKeyring(['sk-one', 'sk-two'])
  expect(keyring.check('sk-two').keyId).not.toBe(keyring.check('sk-one').keyId)
  for (const key of ['sk-tw', 'sk-two ', 'SK-TWO', undefined]) {
    expect(() => keyring.check(key)).toThrow(expect.objectContaining({ row: 'invalid_api_key' }))
  }
})

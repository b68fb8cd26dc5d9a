import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64 } from './base64.js'

test('every float32 comes back with the same bits', () => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 40 }), (vector) => {
      const bytes = Buffer.alloc(vector.length * 4)
      vector.forEach((value, i) => void bytes.writeFloatLE(value, i * 4))
      const decoded = fromBase64(bytes.toString('base64'))
      expect(Array.from(decoded, (value) => Object.is(value, -0) || value)).toEqual(
        Array.from(vector, (value) => Object.is(value, -0) || value),
      )
    }),
  )
})

test('bytes that are no whole number of floats are refused', () => {
  expect(() => fromBase64(btoa('12345'))).toThrow(RangeError)
  expect(() => fromBase64('no base64!')).toThrow(/base64|correctly encoded|invalid/i)
})

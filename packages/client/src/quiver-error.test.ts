import { expect, test } from 'vitest'
import { inTermsOfCall, QuiverError } from './quiver-error.js'

const refusal = (message: string, param?: string) =>
  new QuiverError(message, { code: 'InvalidParameter', status: 400, requestId: 'r', param, isRetryable: false })

test('a place in a request becomes the place in the call, in every field and in the message', () => {
  const error = inTermsOfCall(refusal('Range is [1, 8192]: input[3] has no tokens.', 'input[3]'), 20)
  expect(error).toMatchObject({
    param: 'texts[23]',
    position: 23,
    status: 400,
    code: 'InvalidParameter',
    requestId: 'r',
  })
  expect(error.message).toBe('Range is [1, 8192]: texts[23] has no tokens.')
})

test('the native dialect names the place in its message only', () => {
  const error = inTermsOfCall(refusal('Range is [1, 8192]: input.texts[0] has no tokens.'), 10)
  expect(error).toMatchObject({
    param: 'texts[10]',
    position: 10,
    message: 'Range is [1, 8192]: texts[10] has no tokens.',
  })
})

test('an error that is about no single text stays as it is', () => {
  const error = refusal('dimension must be one of 64, 128; got 100.', 'dimensions')
  expect(inTermsOfCall(error, 10)).toBe(error)
  expect(error.position).toBeUndefined()
})

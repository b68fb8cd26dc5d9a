import { expect, test } from 'vitest'
import { encodeError as encodeDashScope } from './dashscope/index.js'
import { ApiError, ERRORS, statusOf } from './errors.js'
import { encodeError as encodeOpenAi } from './openai/index.js'

test('an unknown model is a 400 in the native dialect and a 404 in the compatible one', () => {
  const error = new ApiError('model_not_found', 'The model `x` does not exist.', {
    messages: { dashscope: 'Model not exist.' },
  })
  expect([statusOf(error, 'dashscope'), statusOf(error, 'openai')]).toEqual([400, 404])
  expect(encodeDashScope(error, 'r1')).toEqual({
    code: 'InvalidParameter',
    message: 'Model not exist.',
    request_id: 'r1',
  })
  expect(encodeOpenAi(error, 'r1').error).toEqual({
    message: 'The model `x` does not exist.',
    type: 'invalid_request_error',
    param: null,
    code: 'model_not_found',
  })
})

test('only errors that time can mend are marked for a retry', () => {
  const retryable = Object.values(ERRORS).filter((row) => row[4])
  expect(retryable.every(([status]) => status >= 500 || status === 429)).toBe(true)
})

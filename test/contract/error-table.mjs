/**
 * The table of errors as JSON, for the tests in every language: `{row: {openai: {status, code, type}, dashscope: {status,
 * code}, retry}}`. So a row that is added there is missed here until each client has a call that provokes it, or
 * `unprovokable.json` says why it cannot.
 */
import { ApiError, ERRORS, statusOf } from '../../packages/protocol/dist/index.js'

const rows = Object.entries(ERRORS).map(([name, [, dashscopeCode, type, code, retry]]) => {
  const error = new ApiError(name, '')
  return [
    name,
    {
      openai: { status: statusOf(error, 'openai'), code, type },
      dashscope: { status: statusOf(error, 'dashscope'), code: dashscopeCode },
      retry,
    },
  ]
})
console.log(JSON.stringify(Object.fromEntries(rows), undefined, 1))

import { expect, test } from 'vitest'
import { typeName } from './parse.js'

test.each([
  [undefined, 'undefined'],
  [null, 'null'],
  ['x', 'string'],
  [[], 'empty array'],
  [['a', 1, null], 'array of string and number and null'],
  [[[1], [2]], 'array of array'],
])('a value is named by its kind, never shown', (value, expected) => {
  expect(typeName(value)).toBe(expected)
})

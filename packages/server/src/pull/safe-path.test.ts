import { expect, test } from 'vitest'
import { isSafePath } from './safe-path.js'

test.each(['a', 'onnx/model.onnx', '1_Pooling/config.json', 'a b/ü.json', '..a/b..'])('%j may be written', (path) => {
  expect(isSafePath(path)).toBe(true)
})

test.each([
  '',
  '/etc/passwd',
  '../a',
  'a/../b',
  'a/..',
  './a',
  'a//b',
  'a/',
  'a\\..\\b',
  'C:a',
  'a\0b',
  'a\nb',
  'quiver-model.json',
  'a.part',
  'a.part.json',
  'x'.repeat(256),
])('%j may not', (path) => {
  expect(isSafePath(path)).toBe(false)
})

import { readFileSync } from 'node:fs'
import { ERRORS } from '@quiver/protocol'
import { expect, test } from 'vitest'
import { fillErrorPage } from '../../scripts/docs/error-page.js'

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

test.each([
  ['errors.md', 'en'],
  ['errors.zh-CN.md', 'zh'],
] as const)('docs/%s has the tables that `npm run docs:errors` makes', (name, language) => {
  expect(read(name)).toBe(fillErrorPage(read(name), language))
})

test('every error has a line in both tables, which say where the dialects differ in status', () => {
  const lines = read('errors.md').split('\n')
  for (const row of Object.keys(ERRORS)) {
    expect(lines.filter((line) => line.startsWith(`| \`${row}\` |`))).toHaveLength(2)
  }
  expect(lines).toContainEqual(expect.stringContaining('| `model_not_found` | 404, DashScope 400 | InvalidParameter |'))
})

test('a page without the places of the tables is refused', () => {
  expect(() => fillErrorPage('# Errors\n', 'en')).toThrow(RangeError)
})

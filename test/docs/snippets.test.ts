import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PAGES } from '../../scripts/docs/pages.js'
import { runSnippet } from '../../scripts/docs/run-snippet.js'
import { hasShape, LANGUAGES, snippetsOf } from '../../scripts/docs/snippets.js'
import { startServer, type TestServer } from '../contract/node/server.js'

const ROOT = new URL('../../', import.meta.url)
const read = (page: string) => readFileSync(new URL(page, ROOT), 'utf8')
/** A process of its own that loads an SDK; half a second where nothing else runs. */
const PROGRAM_TIMEOUT_MS = 60_000
const API_PAGES = PAGES.filter((page) => page.startsWith('docs/api/'))

describe('the convention', () => {
  const page = ['# A', '```sh run', 'echo 1', '```', '```python run', 'print(1)', '```', '```text output', '1', '```']

  test('an output is that of every program since the heading', () => {
    expect(snippetsOf([...page, '## B', '```js run', '```', '```js', 'no program', '```'].join('\n'))).toEqual([
      { language: 'sh', code: 'echo 1', line: 2, output: '1' },
      { language: 'python', code: 'print(1)', line: 5, output: '1' },
      { language: 'js', code: '', line: 12, output: undefined },
    ])
  })

  test.each([
    ['an output without a program', '# A\n```text output\n1\n```'],
    ['an unknown language', '```ruby run\n```'],
    ['a fence without an end', '```sh run\necho'],
  ])('%s is refused', (_, markdown) => {
    expect(() => snippetsOf(markdown)).toThrow(SyntaxError)
  })

  test('numbers stand for numbers, … for anything, the rest for itself', () => {
    expect(hasShape('2 vectors (of 256), -0.5 in 3f9a\n', '2 vectors (of 1024), 0.1 in …')).toBe(true)
    expect(hasShape('two vectors', '2 vectors')).toBe(false)
    expect(hasShape('2 vectors\nand more', '2 vectors')).toBe(false)
    expect(hasShape('2 vectorsX', '2 vectors.')).toBe(false)
  })
})

test('every page with programs is in the list, or is the translation of one that is', () => {
  const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: ROOT })
    .toString()
    .split('\n')
    .filter((page) => page !== '' && existsSync(new URL(page, ROOT)) && snippetsOf(read(page)).length > 0)
  expect(new Set(pages.map((page) => page.replace('.zh-CN.md', '.md')))).toEqual(new Set(PAGES))
})

describe.each(API_PAGES)('%s', (page) => {
  test('shows every request in four languages and what they print', () => {
    const snippets = snippetsOf(read(page))
    const byLanguage = LANGUAGES.map((language) => snippets.filter((snippet) => snippet.language === language).length)
    expect(byLanguage[0]).toBeGreaterThan(0)
    expect(new Set(byLanguage).size).toBe(1)
    for (const { output, line } of snippets) expect(output, `line ${line}`).toBeDefined()
  })
})

test.each(PAGES)('%s has a Chinese translation with the same programs', (page) => {
  const translation = page.replace(/\.md$/, '.zh-CN.md')
  expect(existsSync(new URL(translation, ROOT))).toBe(true)
  const programs = (markdown: string) => snippetsOf(markdown).map(({ line: _, ...program }) => program)
  expect(programs(read(translation))).toEqual(programs(read(page)))
})

describe('programs that need nothing but Node.js, a shell, curl and jq', () => {
  const hasCurl = ['bash', 'curl', 'jq'].every(isInstalled)
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.stop())

  const here = PAGES.flatMap((page) => snippetsOf(read(page)).map((snippet) => ({ page, ...snippet })))
  for (const { page, ...snippet } of here.filter(({ language }) => language === 'js' || language === 'sh')) {
    // run.sh, which installs what is missing, runs those too.
    const name = `${page}:${snippet.line} (${snippet.language})`
    test.skipIf(snippet.language === 'sh' && !hasCurl)(name, { timeout: PROGRAM_TIMEOUT_MS }, async () => {
      expect(await runSnippet(snippet, { url: server.url, repository: fileURLToPath(ROOT) })).toBeUndefined()
    })
  }
})

function isInstalled(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

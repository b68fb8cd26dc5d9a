/**
 * Run the programs of the pages in some languages against a running server.
 *
 * Usage: run-snippets.js LANGUAGE… (sh, python, js, java), with QUIVER_URL, and where needed SNIPPET_PYTHON (Python with
 * the clients installed) and SNIPPET_CLASS_PATH (Java's). The last line is «N passed, N failed».
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { PAGES } from './pages.js'
import { runSnippet } from './run-snippet.js'
import { snippetsOf } from './snippets.js'

const ROOT = new URL('../../../', import.meta.url) // from scripts/dist/docs
const languages = new Set(process.argv.slice(2))
const workshop = {
  url: process.env.QUIVER_URL ?? 'http://127.0.0.1:8790',
  repository: fileURLToPath(ROOT),
  python: process.env.SNIPPET_PYTHON,
  classPath: process.env.SNIPPET_CLASS_PATH,
}

const counts = { passed: 0, failed: 0 }
for (const page of PAGES) {
  const markdown = await readFile(new URL(page, ROOT), 'utf8')
  for (const snippet of snippetsOf(markdown).filter(({ language }) => languages.has(language))) {
    const fault = await runSnippet(snippet, workshop)
    counts[fault === undefined ? 'passed' : 'failed']++
    const where = `${page}:${snippet.line} (${snippet.language})`
    console.log(fault === undefined ? `ok    ${where}` : `FAIL  ${where}: ${fault}`)
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = counts.failed === 0 ? 0 : 1

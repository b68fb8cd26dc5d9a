/** `npm run docs:errors`: make the tables of docs/errors.md and docs/errors.zh-CN.md anew from the table of errors. */
import { readFile, writeFile } from 'node:fs/promises'
import { fillErrorPage } from './error-page.js'

const DOCS = new URL('../../../docs/', import.meta.url) // from scripts/dist/docs
for (const [name, language] of [
  ['errors.md', 'en'],
  ['errors.zh-CN.md', 'zh'],
] as const) {
  const path = new URL(name, DOCS)
  await writeFile(path, fillErrorPage(await readFile(path, 'utf8'), language))
}

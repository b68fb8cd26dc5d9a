import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Every page that is part of the repository, committed or about to be. */
const PAGES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: ROOT })
  .toString()
  .split('\n')
  .filter((page) => page !== '' && existsSync(join(ROOT, page)))

test.each(PAGES)('every relative link of %s leads somewhere', (page) => {
  const broken = linksOf(read(page)).filter((link) => !leadsSomewhere(page, link))
  expect(broken).toEqual([])
})

test('a link is found, with its place in the page', () => {
  expect(linksOf('[a](b.md#c) and [d](https://e.f) and `[no](link)`\n```\n[none](here)\n```')).toEqual(['b.md#c'])
  expect(leadsSomewhere('README.md', 'docs/nowhere.md')).toBe(false)
  expect(leadsSomewhere('docs/README.md', '../CONTRIBUTING.md#add-an-error')).toBe(true)
  expect(leadsSomewhere('docs/README.md', '../CONTRIBUTING.md#add-nothing')).toBe(false)
})

function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link))
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', place] = link.split('#')
  const target = path === '' ? page : join(dirname(page), decodeURI(path))
  if (!existsSync(join(ROOT, target))) return false
  if (place === undefined || statSync(join(ROOT, target)).isDirectory() || !target.endsWith('.md')) return true
  return placesOf(read(target)).includes(decodeURIComponent(place))
}

/** Anchors of the headings as GitHub makes them: lower case, without punctuation, hyphens for spaces. */
function placesOf(markdown: string): string[] {
  return [...markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const BIOME = join(dirname(createRequire(import.meta.url).resolve('@biomejs/biome/package.json')), 'bin', 'biome')
const RULES = fileURLToPath(new URL('../../../../biome.json', import.meta.url))

/** What is refused of files that would lie in this folder, by their names; the repository's own rules. */
function lint(room: string, files: Readonly<Record<string, string>>): Record<string, string[]> {
  const root = mkdtempSync(join(tmpdir(), 'quiver-lint-'))
  try {
    const folder = join(root, 'packages/server/src', room)
    mkdirSync(folder, { recursive: true })
    copyFileSync(RULES, join(root, 'biome.json'))
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, `${name}.ts`), content)
    const words = ['lint', '--vcs-enabled=false', '--reporter=json', '--max-diagnostics=none', '.']
    const { stdout } = spawnSync(process.execPath, [BIOME, ...words], { cwd: root, encoding: 'utf8' })
    return Object.fromEntries(Object.keys(files).map((name) => [name, refusalsOf(`${name}.ts`, JSON.parse(stdout))]))
  } finally {
    rmSync(root, { recursive: true })
  }
}

interface Report {
  diagnostics: { category: string; location: { path: string | { file: string } } }[]
}

function refusalsOf(name: string, { diagnostics }: Report): string[] {
  return diagnostics
    .filter(({ location: { path } }) => JSON.stringify(path).includes(`/${name}`))
    .map(({ category }) => category)
    .filter((category) => category.includes('noRestricted'))
}

const GLOBALS = 'lint/style/noRestrictedGlobals'
const IMPORTS = 'lint/style/noRestrictedImports'

test('every other way out is refused', () => {
  const made = {
    fetch: 'await fetch("https://example.com")\n',
    socket: 'export const socket = new WebSocket("wss://example.com")\n',
    events: 'export const source = new EventSource("https://example.com")\n',
    request: 'export const request = new XMLHttpRequest()\n',
    http: 'import { request } from "node:http"\nrequest("http://example.com")\n',
    bare: 'import { get } from "http"\nget("http://example.com")\n',
    https: 'import { request } from "node:https"\nrequest("https://example.com")\n',
    http2: 'import { connect } from "node:http2"\nconnect("https://example.com")\n',
    undici: 'import { request } from "undici"\nrequest("https://example.com")\n',
    types: 'import type { IncomingMessage } from "node:http"\nexport type Message = IncomingMessage\n',
  }
  expect(lint('http', made)).toEqual({
    fetch: [GLOBALS],
    socket: [GLOBALS],
    events: [GLOBALS],
    request: [GLOBALS],
    http: [IMPORTS],
    bare: [IMPORTS],
    https: [IMPORTS],
    http2: [IMPORTS],
    undici: [IMPORTS],
    types: [],
  })
})

test('but not where HTTP is spoken for the others', () => {
  expect(lint('transport', { http: 'import { request } from "node:http"\nrequest("http://example.com")\n' })).toEqual({
    http: [],
  })
})

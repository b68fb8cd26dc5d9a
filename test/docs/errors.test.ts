import { readFileSync } from 'node:fs'
import { ERRORS } from '@quiver/protocol'
import { expect, test } from 'vitest'

test.each(['errors.md', 'errors.zh-CN.md'])(
  'docs/%s has every row of the table, with its status and codes, and no other',
  (name) => {
    const page = readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
    for (const [row, [status, dashscopeCode, , openaiCode]] of Object.entries(ERRORS)) {
      const line = page.split('\n').find((candidate) => candidate.startsWith('|') && candidate.includes(`\`${row}\``))
      expect(line, row).toBeDefined()
      for (const part of [String(status), dashscopeCode, openaiCode]) expect(line).toContain(part)
    }
    const rows = [...page.matchAll(/^\| *`([a-z_]+)`/gm)].map(([, row]) => row)
    expect(rows.filter((row) => !(row !== undefined && row in ERRORS))).toEqual([])
  },
)

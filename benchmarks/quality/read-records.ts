import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** Fields of a gzipped tab-separated file that has neither header nor quoting. */
export function readRows(path: string): string[][] {
  return linesOf(path).map((line) => line.split('\t'))
}

/** Records of a gzipped tab-separated file with a header and standard double-quote quoting. */
export function readTable(path: string): Record<string, string>[] {
  const [header = [], ...rows] = parseQuoted(gunzip(path))
  return rows.map((row) => Object.fromEntries(header.map((name, column) => [name, row[column] ?? ''])))
}

/** Objects of a gzipped file of JSON lines. The caller says what they are; the data's README is the contract. */
export function readJsonLines<Line>(path: string): Line[] {
  return linesOf(path).map((line) => JSON.parse(line) as Line)
}

/** Tab-separated text with double quotes → rows of fields; a quoted field may hold tabs, line ends and `""`. */
export function parseQuoted(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^\t\r\n]*))(\t|\r?\n|$)/g)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === '\t') continue
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  return rows
}

function linesOf(path: string): string[] {
  return gunzip(path)
    .split('\n')
    .filter((line) => line !== '')
}

function gunzip(path: string): string {
  return gunzipSync(readFileSync(path)).toString('utf8')
}

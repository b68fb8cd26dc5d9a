import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readLines } from './read-lines.js'

const folder = mkdtempSync(join(tmpdir(), 'quiver-read-lines-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function textsOf(bytes: string | Buffer) {
  const file = join(folder, 'lines.txt')
  writeFileSync(file, bytes)
  const texts: string[] = []
  for await (const { text } of readLines([], { file }).lines) texts.push(text)
  return texts
}

test.each([
  ['no end behind the last line', 'one\ntwo', ['one', 'two']],
  ['ends of Windows', 'one\r\ntwo\r\n', ['one', 'two']],
  ['a byte order mark', '\ufeffone\ntwo\n', ['one', 'two']],
  ['what ends a line elsewhere only', 'one\rtwo\u2028three\u0085four\n', ['one\rtwo\u2028three\u0085four']],
  ['nothing', '', []],
])('%s', async (_, content, texts) => {
  expect(await textsOf(content)).toEqual(texts)
})

test('what is not UTF-8 is told with its place, not embedded as other text', async () => {
  await expect(textsOf(Buffer.from([0x61, 0x0a, 0xff, 0x0a]))).rejects.toThrow(
    /^text 1 \(from 0\) of .*lines\.txt is not UTF-8\.$/,
  )
})

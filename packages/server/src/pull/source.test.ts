import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { defaultName, parseSource } from './source.js'

const sha256 = 'ab'.repeat(32)

test('hub, ModelScope, folder and URL are told apart by what they begin with', () => {
  expect(parseSource('hf:intfloat/multilingual-e5-small')).toEqual({
    kind: 'hugging-face',
    written: 'hf:intfloat/multilingual-e5-small',
    repository: 'intfloat/multilingual-e5-small',
    revision: 'main',
  })
  expect(parseSource('hf:a/b@refs/pr/1')).toMatchObject({ written: 'hf:a/b', revision: 'refs/pr/1' })
  expect(parseSource('ms:BAAI/bge-m3')).toMatchObject({ kind: 'modelscope', revision: 'master' })
  expect(parseSource('file:./m')).toMatchObject({ kind: 'folder', path: resolve('m') })
  expect(parseSource(`https://host/m.gguf#sha256=${sha256}`)).toMatchObject({ written: 'https://host/m.gguf', sha256 })
  expect(parseSource('bge-m3')).toBeUndefined()
})

test.each([
  ['hf:bge-m3', /must name org\/repository, got "bge-m3"/],
  ['hf:../etc', /must name org/],
  ['hf:a/..', /must name org/],
  ['hf:a/b/c', /must name org/],
  ['hf:a/b@', /branch, tag or commit must follow, got ""/],
  ['hf:a/b@x/../../y', /branch, tag or commit/],
  ['ms:a', /must name org/],
  ['file:', /a folder must follow/],
  ['ftp:host', /sources begin with hf: ms: file: http: or https:, got ftp:/],
  ['https://user:secret@host/m.gguf', /user or password/],
  ['https://host/m.gguf#sha256=12', /64 hexadecimal digits/],
  ['https://', /is no URL/],
])('%s is refused', (text, message) => {
  expect(() => parseSource(text)).toThrow(message)
})

test('a refused URL does not repeat its password', () => {
  expect(() => parseSource('https://user:secret@host/')).toThrow(expect.not.objectContaining({ message: /secret/ }))
})

test.each([
  ['hf:Qwen/Qwen3-Embedding-0.6B-GGUF@main', 'qwen3-embedding-0.6b-gguf'],
  ['https://host/models/E5_small.gguf', 'e5_small'],
  ['https://host/models/e5/', 'e5'],
  ['file:/srv/My Model', 'my-model'],
  ['hf:a/__x', 'x'],
])('%s is called %s', (text, name) => {
  const source = parseSource(text)
  expect(source && defaultName(source)).toBe(name)
})

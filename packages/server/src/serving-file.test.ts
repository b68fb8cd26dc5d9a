import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { changeServing, readServing } from './serving-file.js'

const inHome = async (work: (home: string) => Promise<void>) => {
  const home = mkdtempSync(join(tmpdir(), 'quiver-serving-'))
  await work(home).finally(() => rmSync(home, { recursive: true }))
}

test('a name is put behind another, changed, and taken back', () =>
  inHome(async (home) => {
    expect(readServing(home)).toEqual({})
    await changeServing(home, 'text-embedding-v4', 'a')
    await changeServing(home, 'text-embedding-v3', 'b')
    await changeServing(home, 'text-embedding-v4', 'c')
    expect(readServing(home)).toEqual({ 'text-embedding-v4': 'c', 'text-embedding-v3': 'b' })
    await changeServing(home, 'text-embedding-v4', undefined)
    expect(JSON.parse(readFileSync(join(home, 'serving.json'), 'utf8'))).toEqual({ 'text-embedding-v3': 'b' })
  }))

test('a file that is not right stops, instead of serving something else', () =>
  inHome(async (home) => {
    writeFileSync(join(home, 'serving.json'), '["a"]')
    expect(() => readServing(home)).toThrow(/serving.json is not right; remove it, or mend it/)
    await expect(changeServing(home, 'a', 'b')).rejects.toThrow(/is not right/)
  }))

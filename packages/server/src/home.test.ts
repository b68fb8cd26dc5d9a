import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findRunningServer, loadSecret, prepareHome, removeRunningServer, writeRunningServer } from './home.js'

const folder = () => mkdtempSync(join(tmpdir(), 'quiver-home-'))

test('a missing home is made, for this user only', () => {
  const home = join(folder(), 'a', 'b')
  prepareHome(home)
  expect(statSync(home).mode & 0o777).toBe(0o700)
  expect(readdirSync(home)).toEqual([])
})

test.each(['/proc/quiver', '/dev/null/quiver'])('%s cannot be a home, and that is said at once', (home) => {
  expect(() => prepareHome(home)).toThrow(/^home: .* cannot be written \(E[A-Z]+\)/)
})

test('a server leaves a note and takes back only its own', () => {
  const home = folder()
  const running = { pid: process.pid, url: 'http://127.0.0.1:1', startedAt: '2026-01-01T00:00:00.000Z', version: '0' }
  writeRunningServer(home, running)
  expect(findRunningServer(home)).toEqual(running)
  removeRunningServer(home)
  expect(findRunningServer(home)).toBeUndefined()

  writeRunningServer(home, { ...running, pid: process.pid + 1 })
  removeRunningServer(home)
  expect(findRunningServer(home)?.pid).toBe(process.pid + 1)
})

test('a note that cannot be left is said in one line, and nothing lies about', () => {
  const home = folder()
  mkdirSync(join(home, 'server.json'))
  const running = { pid: process.pid, url: 'http://127.0.0.1:1', startedAt: '2026-01-01T00:00:00.000Z', version: '0' }
  expect(() => writeRunningServer(home, running)).toThrow(/^home: .* cannot be written \(E[A-Z]+\)/)
  expect(readdirSync(home)).toEqual(['server.json'])
})

test('a damaged note is no note', () => {
  const home = folder()
  writeFileSync(join(home, 'server.json'), '{"pid":')
  expect(findRunningServer(home)).toBeUndefined()
})

test('the secret is made once, for this user only, and stays', () => {
  const home = folder()
  const secret = loadSecret(home)
  expect(secret).toHaveLength(32)
  expect(loadSecret(home)).toEqual(secret)
  expect(statSync(join(home, 'secret')).mode & 0o777).toBe(0o600)
  expect(readdirSync(home)).toEqual(['secret'])
  expect(loadSecret(folder())).not.toEqual(secret)
})

test.each(['', 'abcd', 'zz'.repeat(32)])('a damaged secret is said, not replaced: %j', (content) => {
  const home = folder()
  writeFileSync(join(home, 'secret'), content)
  expect(() => loadSecret(home)).toThrow(/secret is damaged/)
})

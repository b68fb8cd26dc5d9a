import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { QUIVER } from './quiver-process.js'

/** `nobody`: what is forbidden is not forbidden to root. */
const NOBODY = 65534
const IS_ROOT = process.getuid?.() === 0
/** A start that does not end by itself is one that hangs. */
const DEADLINE_MS = 50_000

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'quiver-unopenable-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** @returns the one line of a command that fails. */
function complaint(words: string[], { environment = {}, asNobody = false } = {}): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [QUIVER, ...words], {
    encoding: 'utf8',
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
    env: { PATH: process.env.PATH, QUIVER_HOME: home, QUIVER_LOG_LEVEL: 'silent', ...environment },
    ...(asNobody && IS_ROOT && { uid: NOBODY, gid: NOBODY }),
  })
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^quiver: .*\n$/) // a stack would be more lines
  return stderr
}

const SERVE = ['serve', '--port', '0', '--threads', '1']

describe('quiver serve ends with one line', () => {
  test('no database', () => {
    writeFileSync(join(home, 'quiver.db'), 'notes of somebody\n'.repeat(100))
    expect(complaint(SERVE)).toContain(`${join(home, 'quiver.db')} is no SQLite database`)
  })

  test.skipIf(process.platform !== 'linux')('a disk that fails', () => {
    symlinkSync('/proc/self/mem', join(home, 'quiver.db'))
    expect(complaint(SERVE)).toContain('its disk or file system fails')
  })

  test('a home, and a database, that belong to another user', () => {
    const path = join(home, 'quiver.db')
    writeFileSync(path, '')
    chmodSync(path, 0o000)
    if (IS_ROOT) chownSync(home, NOBODY, NOBODY)
    expect(complaint(SERVE, { asNobody: true })).toContain(`database: ${path} cannot be opened`)
    chmodSync(home, 0o500)
    expect(complaint(SERVE, { asNobody: true })).toBe(
      `quiver: home: ${home} cannot be written (EACCES); choose another with --home or QUIVER_HOME.\n`,
    )
  })

  test('a folder beside the database that cannot be made', () => {
    writeFileSync(join(home, 'ledger'), '')
    expect(complaint(SERVE)).toContain(`EEXIST: file already exists, mkdir '${join(home, 'ledger')}'`)
  })

  test('a note that cannot be left, after the port was opened', () => {
    mkdirSync(join(home, 'server.json'))
    expect(complaint(SERVE)).toContain('cannot be written')
  })

  test('PostgreSQL that is not there; its password stays unsaid', () => {
    const environment = { QUIVER_DATABASE_URL: 'postgres://quiver:hush@127.0.0.1:1/quiver' }
    expect(complaint(SERVE, { environment })).toBe(
      'quiver: databaseUrl: PostgreSQL at 127.0.0.1:1 cannot be reached (ECONNREFUSED); check that it runs, its host and its port.\n',
    )
  })
})

describe('quiver backup and restore end with one line', () => {
  test('no server was ever here', () => {
    expect(complaint(['backup', join(home, 'backup')])).toContain('there is none at')
  })

  test('no database', () => {
    writeFileSync(join(home, 'quiver.db'), 'notes of somebody\n'.repeat(100))
    expect(complaint(['backup', join(home, 'backup')])).toContain('is no SQLite database')
  })

  test('a place that cannot be written', () => {
    writeFileSync(join(home, 'file'), '')
    expect(complaint(['backup', join(home, 'file', 'backup')])).toContain('ENOTDIR')
  })

  test('no backup', () => {
    expect(complaint(['restore', join(home, 'nothing')])).toContain('is no backup')
  })
})

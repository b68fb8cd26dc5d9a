import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { canMakeFaultyDisk, FaultyDisk } from './faulty-disk.js'

const ROWS = 60
const OPEN_FILE = createRequire(import.meta.url).resolve('@quiver/server/dist/stores/sqlite/open-file.js')
const scratch = mkdtempSync(join(tmpdir(), 'quiver-log-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** Commits rows and dies, so that all of them are in the write-ahead log only. */
const WRITE = `
  const { openFile } = await import(${JSON.stringify(OPEN_FILE)})
  const file = openFile(process.argv[1])
  file.exec('create table t (id integer primary key, text text)')
  for (let i = 0; i < ${ROWS}; i++) file.prepare('insert into t (text) values (?)').run('x'.repeat(3000))
  process.kill(process.pid, 'SIGKILL')`
const COUNT = `
  const { openFile } = await import(${JSON.stringify(OPEN_FILE)})
  const file = openFile(process.argv[1])
  console.log(file.prepare('select count(*) as n from t').get().n)
  file.close()`

function run(script: string, path: string, environment: Record<string, string> = {}): string {
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, path], {
    env: { ...process.env, ...environment },
    encoding: 'utf8',
  })
  return stdout.trim()
}

// libsql 0.5 took the first read that failed for the end of the log, and wrote over what came behind it.
test.skipIf(!canMakeFaultyDisk())(
  'a database whose log cannot be read is not opened, and has all its rows once it can',
  () => {
    const whole = join(scratch, 'whole')
    mkdirSync(whole)
    run(WRITE, join(whole, 'q.db'))
    const disk = new FaultyDisk()
    try {
      let failed = 0
      for (let at = 1; at <= 40; at += 3) {
        const home = join(scratch, `home-${at}`)
        cpSync(whole, home, { recursive: true })
        disk.arm({ at, kind: 'eio' })
        const disturbed = run(COUNT, join(home, 'q.db'), disk.environment(home))
        disk.disarm()
        if (disturbed !== String(ROWS)) failed++
        expect(['', String(ROWS)], `what was read when call ${at} failed`).toContain(disturbed)
        expect(run(COUNT, join(home, 'q.db')), `what is there after call ${at} failed`).toBe(String(ROWS))
      }
      expect(failed).toBeGreaterThan(0)
      expect(disk.failures().some((failure) => failure.startsWith('pread'))).toBe(true)
    } finally {
      disk.remove()
    }
  },
)

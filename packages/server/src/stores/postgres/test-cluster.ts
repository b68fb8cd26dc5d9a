import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const READY_DEADLINE_MS = 60_000
/** `nobody`, where this process is root: PostgreSQL refuses to run as that. */
const NOBODY = 65534

/** Whether PostgreSQL's programs are on the path. */
export function hasPostgres(): boolean {
  try {
    execFileSync('initdb', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The one user who is asked for a password; a test makes it. */
export const GUARDED = 'guarded'

/** A PostgreSQL server of the tests' own, in a folder that goes with it. */
export async function startCluster(): Promise<{
  newDatabase(): Promise<string>
  /** End it as a crash would, and start it again. */
  crash(): Promise<void>
  stop(): Promise<void>
}> {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-postgres-'))
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(folder, NOBODY, NOBODY)
  const as = { cwd: folder, ...(isRoot && { uid: NOBODY, gid: NOBODY }) }
  const data = join(folder, 'data')
  execFileSync('initdb', ['-D', data, '-U', 'quiver', '-A', 'trust', '-E', 'UTF8'], { ...as, stdio: 'ignore' })
  requirePasswordOf(GUARDED, data)
  const port = await freePort()
  const options = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder]
  let server = spawn('postgres', options, { ...as, stdio: 'ignore' })
  const urlOf = (database: string) => `postgres://quiver@127.0.0.1:${port}/${database}`
  await untilReady(urlOf('postgres'))
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(server, 'exit')
    server.kill(signal)
    await ended
  }
  let count = 0
  return {
    async newDatabase() {
      const name = `test${++count}`
      await runStatements(urlOf('postgres'), `create database ${name}`)
      return urlOf(name)
    },
    async crash() {
      await end('SIGQUIT')
      server = spawn('postgres', options, { ...as, stdio: 'ignore' })
      await untilReady(urlOf('postgres'))
    },
    async stop() {
      await end('SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function requirePasswordOf(user: string, data: string): void {
  const path = join(data, 'pg_hba.conf')
  writeFileSync(path, `host all ${user} 127.0.0.1/32 scram-sha-256\n${readFileSync(path, 'utf8')}`)
}

async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + READY_DEADLINE_MS
  for (;;) {
    try {
      await runStatements(url, 'select 1')
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(100)
    }
  }
}

/** One or several statements, over a connection of their own. */
export async function runStatements(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    await client.query(text)
  } finally {
    await client.end()
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
  return address.port
}

import { randomBytes, randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** What a running server says of itself in its home, for `quiver doctor` and for a second server. */
export interface RunningServer {
  pid: number
  url: string
  startedAt: string
  version: string
}

/** The home folder cannot be used; the message says why, in one line. */
export class HomeError extends Error {
  override readonly name = 'HomeError'
}

const FILE = 'server.json'

/** Create the home if it is missing and prove that it can be written. @throws {HomeError} */
export function prepareHome(home: string): void {
  const probe = join(home, `.probe-${randomUUID()}`)
  try {
    makeFolder(home)
    writeFileSync(probe, '')
    rmSync(probe)
  } catch (error) {
    throw unwritable(home, error)
  }
}

function unwritable(home: string, error: unknown): HomeError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return new HomeError(`home: ${home} cannot be written (${reason}); choose another with --home or QUIVER_HOME.`)
}

/** One level at a time: Node's own `recursive` never returns where a parent refuses with ENOENT, as /proc does. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

/**
 * Leave a note of this process; replaced in one step, so that a reader never sees half of it.
 *
 * @throws {HomeError} on a disk that has become full since {@link prepareHome}.
 */
export function writeRunningServer(home: string, running: RunningServer): void {
  const temporary = join(home, `.${FILE}-${randomUUID()}`)
  try {
    writeFileSync(temporary, `${JSON.stringify(running, null, 2)}\n`)
    renameSync(temporary, join(home, FILE))
  } catch (error) {
    rmSync(temporary, { force: true })
    throw unwritable(home, error)
  }
}

/** Remove this process's own note; another server's stays. */
export function removeRunningServer(home: string): void {
  if (findRunningServer(home)?.pid === process.pid) rmSync(join(home, FILE), { force: true })
}

/** The note in this home, whether or not its process still lives. */
export function findRunningServer(home: string): RunningServer | undefined {
  try {
    return JSON.parse(readFileSync(join(home, FILE), 'utf8')) as RunningServer // written by writeRunningServer only
  } catch {
    return undefined
  }
}

const SECRET_FILE = 'secret'
const SECRET_BYTES = 32

/**
 * The server's own secret, made with the first start and readable by this user only. Who has it can sign URLs of results;
 * without it those that were signed are dead.
 *
 * @throws {HomeError} when the file is there and is no secret.
 */
export function loadSecret(home: string): Buffer {
  const path = join(home, SECRET_FILE)
  if (!existsSync(path)) makeSecret(home, path)
  const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'hex')
  if (secret.length === SECRET_BYTES) return secret
  throw new HomeError(`home: ${path} is damaged; remove it, and URLs of results that were given out become invalid.`)
}

/** A link fails where the name is taken: of two processes that start at once, both then read the same secret. */
function makeSecret(home: string, path: string): void {
  const temporary = join(home, `.${SECRET_FILE}-${randomUUID()}`)
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeFileSync(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`)
    fsyncSync(file)
    linkSync(temporary, path)
  } catch (error) {
    if (!existsSync(path)) throw error
  } finally {
    closeSync(file)
    rmSync(temporary, { force: true })
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const START_DEADLINE_MS = 60_000
const STOP_DEADLINE_MS = 20_000

/** The command under test; QUIVER_TEST_BIN names another build, for example an unpacked release. */
const EXECUTABLE = resolve(
  process.env.QUIVER_TEST_BIN ?? createRequire(import.meta.url).resolve('@quiver/server/bin/quiver.js'),
)

export interface TestServer {
  /** Root of the server, without a trailing slash. */
  url: string
  /** `undefined` for a server that ran already. */
  process: ChildProcess | undefined
  /** Its folder; `undefined` for a server that ran already. */
  home: string | undefined
  /** The end of what it has written to both outputs so far. */
  output(): string
  /** Send SIGTERM and wait. @throws {Error} when the exit code is not 0 or the process does not end in time. */
  stop(): Promise<void>
}

/**
 * Start the built server on a free port with a home directory of its own, ready to embed.
 *
 * Without `apiKeys` any key is accepted. With neither keys, settings nor options QUIVER_TEST_URL, where set, names a server that
 * already runs.
 * @param settings of the configuration, by their names there: `maxQueuedInputs`; with a `home`, that one instead of an own.
 * @param nodeOptions of the interpreter. A module that they `--import` can talk to us by IPC.
 * @throws {Error} with the server's output when it is not ready within a minute.
 */
export async function startServer(
  apiKeys: readonly string[] = [],
  settings: Readonly<Record<string, number | string>> = {},
  nodeOptions: readonly string[] = [],
): Promise<TestServer> {
  const running = process.env.QUIVER_TEST_URL
  if (running !== undefined && apiKeys.length === 0 && Object.keys(settings).length === 0 && nodeOptions.length === 0)
    return { url: running, process: undefined, home: undefined, output: () => '', stop: async () => {} }

  const home = await mkdtemp(join(tmpdir(), 'quiver-contract-'))
  const port = await freePort()
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('QUIVER_'))
  const server = spawn(process.execPath, [...nodeOptions, EXECUTABLE, 'serve'], {
    cwd: home,
    env: {
      ...Object.fromEntries(inherited),
      QUIVER_HOST: '127.0.0.1',
      QUIVER_PORT: String(port),
      QUIVER_HOME: home,
      ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [variableOf(name), String(value)])),
      ...(apiKeys.length === 0 ? {} : { QUIVER_API_KEYS: apiKeys.join(',') }),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const output: Buffer[] = []
  for (const stream of [server.stdout, server.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk))
  const log = () => Buffer.concat(output).toString().slice(-100_000)

  const url = `http://127.0.0.1:${port}`
  try {
    await untilReady(url, server)
  } catch (error) {
    server.kill('SIGKILL')
    await rm(home, { recursive: true, force: true })
    throw new Error(`${String(error)}\n${log().slice(-4000)}`)
  }
  return {
    url,
    process: server,
    home,
    output: log,
    async stop() {
      server.kill('SIGTERM')
      const code = await exitOf(server)
      await rm(home, { recursive: true, force: true })
      if (code !== 0) throw new Error(`SIGTERM must end the server with code 0, not ${code}\n${log().slice(-4000)}`)
    },
  }
}

/** `maxQueuedInputs` → `QUIVER_MAX_QUEUED_INPUTS` */
function variableOf(setting: string): string {
  return `QUIVER_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS
  while (Date.now() < deadline) {
    if (server.exitCode !== null) throw new Error(`exited with ${server.exitCode} before it was ready`)
    const response = await fetch(`${url}/readyz`).catch(() => undefined)
    if (response?.status === 200) return
    await new Promise((wake) => setTimeout(wake, 100))
  }
  throw new Error(`not ready after ${START_DEADLINE_MS} ms`)
}

/** Exit code, or the signal's name: SIGKILL when the server had to be killed. */
function exitOf(server: ChildProcess): Promise<number | string | null> {
  if (server.exitCode !== null) return Promise.resolve(server.exitCode)
  return new Promise((settle) => {
    const timer = setTimeout(() => server.kill('SIGKILL'), STOP_DEADLINE_MS)
    server.once('exit', (code, signal) => {
      clearTimeout(timer)
      settle(code ?? signal)
    })
  })
}

function freePort(): Promise<number> {
  return new Promise((settle, fail) => {
    const probe = createServer()
    probe.once('error', fail)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (address !== null && typeof address === 'object' ? settle(address.port) : fail(address)))
    })
  })
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QUIVER } from '../places.js'
import { costOfTree, type TreeCost } from './process-cost.js'

/** A server in a process of its own. */
export interface ServerProcess {
  url: string
  /** From the start of the process until /readyz said yes. */
  readyAfterMs: number
  /** Of the process and of those that it started. */
  cost(): TreeCost
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 120_000
const POLL_MS = 5

/** `quiver serve`. @throws when it exits, or is not ready within two minutes. */
export async function startServer(
  settings: Readonly<Record<string, string>>,
  /** Words before the command: `taskset`, and on which processors. */
  prefix: readonly string[] = [],
): Promise<ServerProcess> {
  const home = await mkdtemp(join(tmpdir(), 'quiver-bench-home-'))
  const removeHome = () => rm(home, { recursive: true, force: true })
  try {
    const server = await startProcess([...prefix, process.execPath, QUIVER, 'serve', '--port', '0'], {
      environment: { QUIVER_HOME: home, QUIVER_LOG_LEVEL: 'fatal', ...settings },
      isReady,
    })
    return { ...server, stop: () => server.stop().then(removeHome) }
  } catch (error) {
    await removeHome()
    throw error
  }
}

/** Any program that prints its address. @throws when it exits, or is not ready within two minutes. */
export async function startProcess(
  command: readonly string[],
  options: {
    environment?: Readonly<Record<string, string>>
    /** Asked until it says yes; without it a program is ready when it has printed its address. */
    isReady?: (url: string) => Promise<boolean>
    /** For programs that are told where to listen; others print their address. */
    url?: string
  } = {},
): Promise<ServerProcess> {
  const [program = '', ...words] = command
  const startedAt = performance.now()
  const child = spawn(program, words, {
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = async () => {
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit')
  }
  try {
    const url = options.url ?? (await urlFrom(child.stdout, child))
    child.stdout.resume()
    while (options.isReady !== undefined && !(await options.isReady(url))) {
      if (performance.now() - startedAt > START_TIMEOUT_MS) throw new Error('the server is not ready after two minutes')
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    const { pid } = child
    if (pid === undefined) throw new Error('the server has no process')
    return { url, readyAfterMs: performance.now() - startedAt, cost: () => costOfTree(pid), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The first address that is printed. What follows is read and dropped: a closed pipe would end the program. */
function urlFrom(output: NodeJS.ReadableStream, child: NodeJS.EventEmitter): Promise<string> {
  let text = ''
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code} before it was ready`)))
    output.on('data', (part) => {
      text += String(part)
      const url = text.match(/http:\/\/[\d.]+:\d+(?=\s)/)?.[0]
      if (url !== undefined) resolve(url)
    })
  })
}

const isReady = (url: string) => isFine(`${url}/readyz`)

/** Whether a URL is answered with 200. */
export async function isFine(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QUIVER } from '../places.js'
import { costOf, type ProcessCost } from './process-cost.js'

/** A server in a process of its own, with a home that goes when it stops. */
export interface ServerProcess {
  url: string
  /** From the start of the process until /readyz said yes. */
  readyAfterMs: number
  cost(): ProcessCost
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 120_000
const POLL_MS = 5

/** @throws when it exits, or is not ready within two minutes. */
export async function startServer(settings: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const home = await mkdtemp(join(tmpdir(), 'quiver-bench-home-'))
  const startedAt = performance.now()
  const child = spawn(process.execPath, [QUIVER, 'serve', '--port', '0'], {
    env: { ...process.env, QUIVER_HOME: home, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = async () => {
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit')
    await rm(home, { recursive: true, force: true })
  }
  try {
    const url = await urlFrom(child.stdout, child)
    while (!(await isReady(url))) {
      if (performance.now() - startedAt > START_TIMEOUT_MS) throw new Error('the server is not ready after two minutes')
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    const { pid } = child
    if (pid === undefined) throw new Error('the server has no process')
    return { url, readyAfterMs: performance.now() - startedAt, cost: () => costOf(pid), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The address is in the banner, which comes when the server listens. */
async function urlFrom(output: NodeJS.ReadableStream, child: NodeJS.EventEmitter): Promise<string> {
  let text = ''
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with code ${code} before it was ready`)
  })
  const printed = (async () => {
    for await (const part of output) {
      text += String(part)
      const url = text.match(/http:\/\/[\d.]+:\d+/)?.[0]
      if (url !== undefined) return url
    }
    throw new Error('the server printed no address')
  })()
  exited.catch(() => {}) // it exits in the end; only before the address does that matter
  return Promise.race([printed, exited])
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok
  } catch {
    return false
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const EXECUTABLE = createRequire(import.meta.url).resolve('@quiver/server/bin/quiver.js')
const READY_DEADLINE_MS = 300_000

/** A server that is killed and started again on the same home and port. */
export class MortalServer {
  readonly home: string
  readonly #port: number
  readonly #settings: Readonly<Record<string, string>>
  #process: ChildProcess | undefined

  private constructor(home: string, port: number, settings: Readonly<Record<string, string>>) {
    this.home = home
    this.#port = port
    this.#settings = settings
  }

  /** @param config of the file; JSON is YAML too. */
  static async create(settings: Readonly<Record<string, string>> = {}, config: object = {}): Promise<MortalServer> {
    const home = await mkdtemp(join(tmpdir(), 'quiver-chaos-'))
    await writeFile(join(home, 'quiver.yaml'), JSON.stringify(config))
    return new MortalServer(home, await freePort(), { QUIVER_CONFIG: join(home, 'quiver.yaml'), ...settings })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get databasePath(): string {
    return join(this.home, 'quiver.db')
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** @throws {Error} when the process has ended, and nobody killed it. */
  checkRunning(): void {
    if (!this.isRunning)
      throw new Error(`the server ended by itself, with ${this.#process?.exitCode ?? this.#process?.signalCode}`)
  }

  /** Starts a process and does not wait for it. @param more of its environment. */
  launch(more: Readonly<Record<string, string>> = {}): void {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('QUIVER_'))
    this.#process = spawn(process.execPath, [EXECUTABLE, 'serve'], {
      cwd: this.home,
      env: {
        ...Object.fromEntries(inherited),
        QUIVER_HOME: this.home,
        QUIVER_PORT: String(this.#port),
        QUIVER_LOG_LEVEL: 'fatal', // that things fail is what is tried
        ...this.#settings,
        ...more,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }

  /** @param isOver whether there is nothing to wait for any more. */
  async untilReady(isOver: () => boolean = () => false): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS
    while (Date.now() < deadline) {
      if (isOver()) return
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined)
      if (answer?.status === 200) return
      await sleep(50)
    }
    throw new Error(`not ready after ${READY_DEADLINE_MS} ms`)
  }

  /** No warning, no cleaning up. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const running = this.#process
    this.#process = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const ended = once(running, 'exit')
    running.kill(signal)
    await ended
  }

  async remove(): Promise<void> {
    await this.kill()
    await rm(this.home, { recursive: true, force: true })
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo // a server that listens on TCP has one
  probe.close()
  return port
}

import type { AddressInfo } from 'node:net'
import { Command } from 'commander'
import { assembleServer, type Server } from '../assemble.js'
import { DEFAULT_MODEL } from '../catalog/catalog.js'
import type { Settings } from '../config.js'
import { prepareHome, removeRunningServer, writeRunningServer } from '../home.js'
import { createLog, type Logger } from '../telemetry/log.js'
import { VERSION } from '../version.js'
import { EXIT, UserError } from './exit.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function serveCommand(): Command {
  const command = new Command('serve').description('Serve embeddings over HTTP until SIGTERM or Ctrl-C.')
  return addSettingsOptions(command).action((_options, self: Command) => serve(settingsOf(self)))
}

async function serve(settings: Settings): Promise<void> {
  const startedAt = performance.now()
  const log = createLog(settings.logLevel)
  prepareHome(settings.home)
  const stopped = new AbortController()
  const server = await assembleServer(settings, log, stopped.signal)
  const url = await announce(server, settings).catch(async (error: unknown) => {
    await server.close() // what it has started would keep the process alive
    throw error
  })
  drainOnSignal(server, settings, log)
  process.stdout.write(banner(url, settings, performance.now() - startedAt))
}

/** Open the port, and leave a note of it. @returns the base URL. @throws {UserError} {@link HomeError} */
async function announce(server: Server, settings: Settings): Promise<string> {
  const url = await listen(server, settings)
  const note = { pid: process.pid, url, startedAt: new Date().toISOString(), version: VERSION }
  writeRunningServer(settings.home, note)
  return url
}

/** @returns the base URL. @throws {UserError} when the address cannot be had. */
async function listen(server: Server, { host, port }: Settings): Promise<string> {
  try {
    await server.app.listen({ host, port })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UserError(
      code === 'EADDRINUSE'
        ? `port ${port} on ${host} is taken by another program; choose another with --port or QUIVER_PORT.`
        : `cannot listen on ${host}:${port} (${code}).`,
    )
  }
  const address = server.app.server.address() as AddressInfo // a TCP server that listens has one
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${shown}:${address.port}`
}

/** First signal: finish what runs, within the deadline. Second signal: die at once. */
function drainOnSignal(server: Server, settings: Settings, log: Logger): void {
  let isDraining = false
  const stop = async (signal: NodeJS.Signals) => {
    if (isDraining) {
      removeRunningServer(settings.home)
      // Not process.exit(): it ends the threads, and onnxruntime aborts when its thread ends inside a run.
      process.kill(process.pid, 'SIGKILL')
    }
    isDraining = true
    log.info({ signal }, 'draining')
    server.drain()
    const deadline = setTimeout(() => {
      log.warn('requests were still running at the drain deadline')
      server.abandon()
    }, settings.drainTimeoutMs)
    const isClean = await server.close()
    clearTimeout(deadline)
    removeRunningServer(settings.home)
    process.exit(signal === 'SIGINT' ? EXIT.interrupted : isClean ? EXIT.ok : EXIT.failure)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function banner(url: string, { home, apiKeys }: Settings, tookMs: number): string {
  const access =
    apiKeys.length === 0 ? 'any key is accepted (loopback only)' : `the ${apiKeys.length} keys of the configuration`
  const key = apiKeys.length === 0 ? 'any' : 'YOUR_KEY'
  return `Quiver ${VERSION} is ready at ${url} (${(tookMs / 1000).toFixed(1)} s)
  OpenAI SDK     base_url="${url}/compatible-mode/v1"
  DashScope SDK  DASHSCOPE_HTTP_BASE_URL=${url}/api/v1
  curl           curl ${url}/v1/embeddings -H 'Authorization: Bearer ${key}' -d '{"model":"${DEFAULT_MODEL}","input":"你好"}'
  Docs           ${url}/docs
  Access         ${access}
  Data           ${home}
`
}

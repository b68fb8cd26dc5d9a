/** A server process for the Node.js clients; QUIVER_TEST_URL names one that already runs without keys. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const MODEL = 'text-embedding-v4'
/** Key of the server that checks keys; the other one has none. */
export const KEY = 'sk-contract'
/** More tokens than the model takes. */
export const TOO_LONG = '风急天高猿啸哀，渚清沙白鸟飞回。'.repeat(1500)

const EXECUTABLE =
  process.env.QUIVER_TEST_BIN ?? fileURLToPath(new URL('../../../packages/server/bin/quiver.js', import.meta.url))

/** @returns its root, and how to end it; SIGTERM must end it with code 0. */
export async function startServer(apiKeys = '') {
  if (apiKeys === '' && process.env.QUIVER_TEST_URL) return { url: process.env.QUIVER_TEST_URL, stop: async () => {} }
  const home = await mkdtemp(join(tmpdir(), 'quiver-contract-'))
  const server = spawn(process.execPath, [EXECUTABLE, 'serve', '--port', '0'], {
    env: { ...process.env, QUIVER_HOME: home, QUIVER_HOST: '127.0.0.1', QUIVER_API_KEYS: apiKeys },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise((resolve, reject) => {
    let text = ''
    server.once('exit', (code) => reject(new Error(`exited with ${code}\n${text}`)))
    server.stdout.on('data', (part) => {
      text += part
      const [root] = /http:\/\/[\d.]+:\d+/.exec(text) ?? []
      if (root !== undefined) resolve(root)
    })
  })
  return {
    url,
    async stop() {
      server.kill('SIGTERM')
      const [code] = await once(server, 'exit')
      await rm(home, { recursive: true, force: true })
      if (code !== 0) throw new Error(`SIGTERM must end the server with code 0, not ${code}`)
    },
  }
}
